import pytest
from testkit import pytest_tools
from testkit.pytest_tools import Tool, require

SENTENCE = r"not run: tests with a crystal ball \(apt install crystal-ball\)"


@pytest.fixture(autouse=True)
def missing_tool(monkeypatch):
    tool = Tool("tests with a crystal ball", "apt install crystal-ball", lambda: False)
    monkeypatch.setitem(pytest_tools.TOOLS, "crystal ball", tool)
    monkeypatch.setattr(pytest_tools, "_missing", set())


class Terminal:
    def __init__(self):
        self.lines = []

    def write_line(self, line, **markup):
        self.lines.append(line)


def test_missing_tool_skips_the_test_and_is_reported_at_the_end(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=SENTENCE):
        require("crystal ball")
    terminal = Terminal()
    pytest_tools.pytest_terminal_summary(terminal)

    assert terminal.lines == ["not run: tests with a crystal ball (apt install crystal-ball)"]


def test_missing_tool_fails_the_test_in_ci(monkeypatch):
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match=SENTENCE):
        require("crystal ball")
