"""The data card and the model card: the training data, the model, how it was trained, and what it can't do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rare_species.common.terminal import count
from rare_species.params.split import SplitParams
from rare_species.report import sentences as say
from rare_species.report.last_run import LastRun
from rare_species.report.page_sections import Section, Table, find_figures

SPLIT_NAMES = {"train": "train", "val": "validation", "test": "test"}
PICTURES = (  # file below plots/, alternative text, caption
    ("split/families.png", "Photos of each family in train, validation and test", "Photos by family and split."),
    ("preprocess/train.jpg", "Some training photos with their families", "Training photos, as the model sees them."),
)
MORE_PICTURES = (
    ("preprocess/test.jpg", "Some test photos with their families", "Test photos, as the model sees them."),
    ("clean/rejected.jpg", "Some rejected files with the reason", "Rejected files."),
    ("clean/families.png", "Files of each family, kept and rejected", "Kept and rejected files by family."),
    ("clean/sizes.png", "Widths and heights of the kept photos", "How large the kept photos are."),
)


def data_card(run: LastRun) -> Section:
    """Describe where the photos come from, which were kept, and how they were split."""
    return Section(
        "data",
        "Data",
        facts=dict(_data_facts(run)),
        tables=list(_data_tables(run.metrics["clean"], run.metrics["split"])),
        figures=find_figures(run.paths, *PICTURES),
        more_figures=find_figures(run.paths, *MORE_PICTURES),
    )


def _data_facts(run: LastRun) -> Iterator[tuple[str, str]]:
    found, cleaned, split = run.metrics["unzip"], run.metrics["clean"], run.metrics["split"]
    yield "Archive", Path(run.params.unzip.archive).name
    names = (("family", "families"), ("phylum", "phyla"), ("species", "species"))
    known = [count(found[plural], one, plural) for one, plural in names if found[plural]]
    yield "Labels", f"{count(found['labels'], 'photo')}: {', '.join(known)}"
    rejected, unlisted = sum(cleaned["rejected"].values()), cleaned["rejected"].get("unlisted", 0)
    without = f" ({unlisted:,} of them without a label)" if unlisted else ""
    yield "Photos", f"{cleaned['kept']:,} kept, {rejected:,} rejected{without}"
    yield "Photos of a family", f"{cleaned['smallest_family']:,} to {cleaned['largest_family']:,}"
    yield "Licence of the photos", "not stated: the pipeline reads none from the archive"
    yield "Splitting", _describe_splitting(run.params.split, split["held_out_species"])
    yield "Pairs that leak between splits", _leaks(split["leaked_pairs"])
    yield "Families without validation photos", f"{split['families_without_val']:,}"
    yield "Families without test photos", f"{split['families_without_test']:,}"


def _leaks(pairs: int | None) -> str:
    return "unknown: some content ids can't be used, so some bursts are not found" if pairs is None else f"{pairs:,}"


def _describe_splitting(params: SplitParams, held_out: Mapping[str, int]) -> str:
    if params.method == "stratified":  # holding out species requires the grouped method
        return "stratified: photo by photo; bursts and near-duplicates may be torn apart"
    method = f"grouped: bursts (ids at most {params.burst_gap} apart) and near-duplicates stay together"
    if not held_out["images"]:
        return method
    species = count(held_out["species"], "species", "species")
    families = count(held_out["families"], "family", "families")
    return f"{method}; {species} of {families} only in test ({count(held_out['images'], 'photo')})"


def _data_tables(cleaned: Mapping[str, Any], split: Mapping[str, Any]) -> Iterator[Table]:
    rows = [
        [name, *(f"{split[key][column]:,}" for column in ("images", "families", "groups"))]
        for key, name in SPLIT_NAMES.items()
    ]
    yield Table("Splits", ("split", "photos", "families", "groups"), rows)
    reasons = [(reason, n) for reason, n in cleaned["rejected"].items() if n]
    if reasons:
        yield Table("Rejected", ("reason", "files"), [[reason.replace("_", " "), f"{n:,}"] for reason, n in reasons])


def model_card(run: LastRun) -> Section:
    """Describe what the champion is, how it was trained, and what it can't do."""
    if not run.metadata:
        missing = "It is unknown how the model was made: models/champion is not there. Bring it back: dvc pull."
        return Section("model", "Model", [missing], limits=say.describe_limits(run))
    entry, backbone = run.metadata["input"], run.metadata["backbone"]
    facts = {
        "Task": "name the family of the animal or plant in a photo",
        "Input": f"{entry['image_size']} × {entry['image_size']} px, {entry['values']}; fitted by {entry['resize']}, "
        f"treatment {entry['treatment']['name']}",
    }
    if backbone["feature_size"]:
        facts["Backbone"] = f"{backbone['name']}, {count(backbone['feature_size'], 'feature')}"
        facts["Weights"] = backbone["weights"]
        facts["Licence of the weights"] = backbone["licence"] or "none: random weights"
        facts["Pretrained on"] = backbone["pretrained_on"] or "nothing"
    else:
        facts["Backbone"] = "none: a small convolutional network, trained from scratch"
    facts |= dict(_training_facts(run.metadata))
    found, threshold = run.metadata["calibration"], run.metadata["calibration"]["family_threshold"]
    on = "never answered" if threshold is None else f"answered from a probability of {say.number(threshold)} on"
    facts["Calibration"] = f"temperature {say.number(found['temperature'])}; the family is {on}"
    return Section("model", "Model", facts=facts, limits=say.describe_limits(run))


def _training_facts(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    params, images = metadata["params"], metadata["images"]
    yield "Photos", ", ".join(f"{images[split]:,} {name}" for split, name in SPLIT_NAMES.items())
    yield "Epochs", f"{metadata['best_epoch']} kept of at most {params['epochs'] + _fine_tuned(params)}"
    head = params["head"]
    if metadata["backbone"]["feature_size"]:
        layers = " → ".join(str(units) for units in head["units"]) or "none: a linear classifier"
        dropout = head["dropout"] if isinstance(head["dropout"], list) else [head["dropout"]]  # params.yaml takes both
        yield "Hidden layers", f"{layers}; dropout {' → '.join(f'{share:.3g}' for share in dropout) or 'none'}"
    rates = params["optimizer"]
    yield (
        "Optimizer",
        f"{rates['name']}, learning rate {rates['learning_rate']:.3g}, weight decay {rates['weight_decay']:.3g}, "
        f"schedule {params['schedule']['name']}, batches of {params['batch_size']}",
    )
    yield "Rare families", f"{params['imbalance']}, label smoothing {params['label_smoothing']:.3g}".replace("_", " ")
    if _fine_tuned(params):
        tune = params["fine_tune"]
        yield (
            "Fine-tuning",
            f"{count(tune['epochs'], 'epoch')}, layer groups: {tune['layer_groups']}, rate {tune['learning_rate']:.3g}",
        )
    elif metadata["backbone"]["feature_size"]:
        yield "Fine-tuning", "none: the backbone is frozen"
    if params.get("members", 1) > 1:
        yield "Ensemble", count(params["members"], "member")


def _fine_tuned(params: Mapping[str, Any]) -> int:
    """Return the number of epochs of fine-tuning; 0 for candidate `tune`, which has no such parameter."""
    return int((params.get("fine_tune") or {}).get("epochs", 0))
