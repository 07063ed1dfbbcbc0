"""One HTML page that says what the last run is: data, model, scores and errors."""
