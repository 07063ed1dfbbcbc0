"""rare_species.compare.runs: names of commits, experiments and the workspace."""

import pytest

from rare_species.common.errors import UserError
from rare_species.compare.runs import find_revision, read_run
from tests.unit.runs import METRICS, draw_rows, new_repository


@pytest.fixture
def repository(tmp_path):
    return new_repository(tmp_path)


def add_experiment(repository, name, baseline, parameters):
    """An experiment as DVC keeps it: a commit under refs/exps; the branch stays where it was."""
    before = repository.git("rev-parse", "HEAD").strip()
    repository.git("checkout", "--quiet", "--detach", baseline)
    repository.write(parameters=parameters)
    commit = repository.commit()
    repository.git("update-ref", f"refs/exps/{baseline[:2]}/{baseline[2:]}/{name}", commit)
    repository.git("checkout", "--quiet", "main" if before == repository.git("rev-parse", "main").strip() else before)
    return commit


def test_commits_have_many_names(repository):
    commit = repository.git("rev-parse", "HEAD").strip()
    repository.git("tag", "--annotate", "v1", "--message", "first")
    for name in ("HEAD", "main", "v1", commit, commit[:8]):
        found = find_revision(name, repository.folder)
        assert (found.commit, str(found)) == (commit, f"{name} ({commit[:7]})")


def test_workspace_is_what_is_there(repository):
    repository.write(parameters={"train.seed": 5})
    found = find_revision("workspace", repository.folder)
    assert (found.commit, str(found)) == (None, "workspace")
    assert read_run(found).params["train"]["seed"] == 5
    assert read_run(find_revision("HEAD", repository.folder)).params["train"]["seed"] == 0


def test_experiment_is_found_by_its_name(repository):
    commit = add_experiment(repository, "dropout", repository.git("rev-parse", "HEAD").strip(), {"train.seed": 1})
    found = find_revision("dropout", repository.folder)
    assert found.commit == commit
    run = read_run(found)
    assert (run.params["train"]["seed"], run.model, run.metrics) == (1, "train", METRICS)


def test_experiment_of_the_present_commit_is_preferred(repository):
    first = repository.git("rev-parse", "HEAD").strip()
    old = add_experiment(repository, "same", first, {"train.seed": 1})
    second = repository.commit()
    new = add_experiment(repository, "same", second, {"train.seed": 2})
    assert find_revision("same", repository.folder).commit == new
    repository.commit()
    with pytest.raises(UserError, match="Received: 2, started from other commits") as error:
        find_revision("same", repository.folder)
    assert {old[:7], new[:7]} <= set(str(error.value).replace(",", "").split())


@pytest.mark.parametrize("name", ["stash", "exec/EXEC_HEAD", "dropout/more", ""])
def test_other_refs_of_dvc_are_no_experiments(repository, name):
    commit = repository.git("rev-parse", "HEAD").strip()
    repository.git("update-ref", "refs/exps/stash", commit)
    repository.git("update-ref", "refs/exps/exec/EXEC_HEAD", commit)
    with pytest.raises(UserError, match="which is neither"):
        find_revision(name, repository.folder)


def test_repository_below_the_root_of_git_is_read_where_it_is(tmp_path):
    (tmp_path / "project").mkdir()
    repository = new_repository(tmp_path / "project")
    (tmp_path / "project/.git").rename(tmp_path / ".git")
    repository.commit()
    assert read_run(find_revision("HEAD", tmp_path / "project")).metrics == METRICS


def test_photos_are_sorted_by_path(repository):
    repository.write(draw_rows()[::-1])
    photos = read_run(find_revision("workspace", repository.folder)).photos
    assert photos.file_paths == tuple(row["file_path"] for row in draw_rows())
    assert photos.predicted == tuple(row["predicted"] for row in draw_rows())
    assert photos.true_probability[0] == 0.05
    assert photos.true_rank[0] == 7


def test_commit_without_a_run_names_the_file(repository):
    repository.git("rm", "--quiet", "--cached", "metrics/evaluate.json")
    repository.git("commit", "--quiet", "--message", "no metrics")
    with pytest.raises(UserError, match=r"Expected metrics/evaluate\.json in HEAD \(.*Received: no such file there"):
        read_run(find_revision("HEAD", repository.folder))


def test_file_that_is_not_utf_8_is_an_error(repository):
    (repository.folder / "params.yaml").write_bytes(b"unzip: \xff\n")
    with pytest.raises(UserError, match=r"Expected YAML in params\.yaml of workspace\. Received: 'utf-8'"):
        read_run(find_revision("workspace", repository.folder))


def test_folder_without_git_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match="Expected a git repository in"):
        find_revision("HEAD", tmp_path)


def test_machine_without_git_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="Expected git on the PATH"):
        find_revision("HEAD", tmp_path)
