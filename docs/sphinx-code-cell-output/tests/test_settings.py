"""Settings: the boolean on the command line, and the folders that no build may read."""

import nbclient
import pytest
import sphinx.cmd.build
from sphinx.errors import ConfigError
from sphinx_code_cell_output import settings
from test_cells import CONF, HEAD, block, build, cell

pytestmark = pytest.mark.filterwarnings("ignore:'sphinx.environment.BuildEnvironment.app'")
PAGE = HEAD + cell("1") + block("2")


@pytest.mark.parametrize("value", ["1", "true", "True", "yes", "on", True])
def test_update_takes_booleans(tmp_path, value):
    build(tmp_path, {"index.md": PAGE}, "dummy", code_cell_output_update=value)
    assert (tmp_path / "source" / "index.md").read_text() == HEAD + cell("1") + block("1")


@pytest.mark.parametrize("value", ["0", "false", "no", "off", False])
def test_update_can_be_off(value):
    config = type("Config", (), {"code_cell_output_update": value})
    settings.read_boolean(None, config)
    assert config.code_cell_output_update is False


@pytest.mark.parametrize("value", ["2", "", None])
def test_update_refuses_other_values(value):
    config = type("Config", (), {"code_cell_output_update": value})
    with pytest.raises(ConfigError, match="code_cell_output_update: expected one of 1, true, "):
        settings.read_boolean(None, config)


FORK = ["-D", "code_cell_output_kernel_manager=forked_kernels.ForkManager"]


@pytest.fixture
def project(tmp_path):
    """A project whose conf.py names the extension, and nothing else."""
    (tmp_path / "conf.py").write_text('extensions = ["sphinx_code_cell_output"]\n')
    (tmp_path / "index.md").write_text(HEAD + cell("1") + block("1"))
    (tmp_path / "part").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("_build/html", "_build/dummy"),
        ("html", "dummy"),
        ("_build", "_build"),
        ("part/out", "part/out"),
    ],
)
def test_builds_inside_the_sources_are_not_read(project, capfd, first, second):
    (project / "part" / "page.md").write_text("---\norphan: true\n---\n\n# Page\n")
    for builder, out in (("html", first), ("dummy", second)):
        (project / first / "_sources").mkdir(parents=True, exist_ok=True)
        (project / first / "_sources" / "copy.md").write_text("# A copy\n")
        options = ["-q", "-W", *FORK, "-b", builder, str(project), str(project / out)]
        assert sphinx.cmd.build.main(options) == 0, capfd.readouterr().err
    assert any(project.rglob("jupyter_execute/index.ipynb"))


def test_builders_that_share_doctrees_read_a_page_once(project, monkeypatch):
    build = ["-q", *FORK, "-d", str(project / "_build" / "doctrees")]
    assert sphinx.cmd.build.main([*build, str(project), str(project / "_build" / "html")]) == 0
    monkeypatch.setattr("nbclient.execute", None)
    dummy = [*build, "-b", "dummy", str(project), str(project / "_build" / "dummy")]
    assert sphinx.cmd.build.main(dummy) == 0


def test_page_that_agrees_is_not_run_again_by_an_update(tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.mkdir()
    (source / "conf.py").write_text(CONF + "nb_execution_mode = 'force'\n")
    (source / "index.md").write_text(HEAD + cell("1") + block("1"))
    (source / "other.md").write_text(HEAD + cell("3") + block("4"))
    options = ["-q", "-b", "dummy", str(source), str(tmp_path / "out")]
    runs, execute = [], nbclient.execute

    def counted(notebook, **more):
        runs.append(notebook.cells[1].source)
        return execute(notebook, **more)

    monkeypatch.setattr(nbclient, "execute", counted)
    for update, expected in (("no", ["1", "3"]), ("true", ["3"]), ("true", []), ("no", [])):
        runs.clear()
        sphinx.cmd.build.main(["-D", f"code_cell_output_update={update}", *options])
        assert runs == expected
    assert (source / "other.md").read_text() == HEAD + cell("3") + block("3")
