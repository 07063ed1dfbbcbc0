"""Library the pipeline's stages share: from a zip of labelled wildlife photos to an evaluated classifier."""
