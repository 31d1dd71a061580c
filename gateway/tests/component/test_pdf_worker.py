"""The process that makes PDF files, tested without the app."""

import http.server
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from contracts.common import Unavailable
from gateway.pdf.renderer import Renderer, RenderFailed, font_packages
from pypdf import PdfReader

PAGE = "<p>Peña ₱1,500.00 😀</p>"
WAIT_SECONDS = 15


def python(code):
    """A worker other than ours, or ours with something changed."""
    return (sys.executable, "-W", "ignore", "-P", "-c", code)


@pytest.fixture
def renderer():
    """Call it for a Renderer, which is closed at the end."""
    made = []

    def make(*arguments, **options):
        made.append(Renderer(*arguments, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def ours():
    """A Renderer whose worker several tests use, because starting one takes most of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISPOS_SECRET_KEY", "s" * 40)
        renderer = Renderer()
        renderer.render(PAGE, {})
    yield renderer
    renderer.close()


def wait_until(condition):
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_worker_starts_with_the_first_document(renderer):
    assert renderer()._process is None


def test_one_worker_makes_files_one_after_the_other(ours):
    assert ours.render(PAGE, {}).content.startswith(b"%PDF-")
    pid = ours._process.pid
    ours.render(PAGE, {})
    assert ours._process.pid == pid


def test_worker_has_none_of_our_keys(ours):
    assert "ISPOS_SECRET_KEY" not in psutil.Process(ours._process.pid).environ()


def test_characters_that_no_font_has_are_named(ours):
    # Characters for private use: no font of a distribution has them.
    assert ours.render("<p>Juan \uf8f0\uf8f1 \uf8f0</p>", {}).missing == "\uf8f0\uf8f1"
    assert ours.render("<p>Peña ₱1,500.00</p>", {}).missing == ""


@pytest.mark.parametrize(
    ("characters", "packages"),
    [
        ("บริษัท", "fonts-noto-core"),
        ("प्रिया தமிழ்", "fonts-noto-core"),
        ("北京ひカ한", "fonts-noto-cjk"),
        ("北ไ😀", "fonts-noto-cjk fonts-noto-color-emoji fonts-noto-core"),
    ],
)
def test_font_packages_are_named_by_script(characters, packages):
    assert font_packages(characters.replace(" ", "")) == packages


def test_killed_worker_is_replaced(ours):
    ours.render(PAGE, {})
    pid = ours._process.pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid))
    assert ours.render(PAGE, {}).content.startswith(b"%PDF-")
    assert ours._process.pid != pid


def test_idle_worker_ends(renderer):
    ours = renderer(python("from gateway.pdf import worker; worker.IDLE_SECONDS = 0.3; worker.main()"))
    ours.render(PAGE, {})
    pid = ours._process.pid
    wait_until(lambda: is_gone(pid))
    assert ours.render(PAGE, {}).content.startswith(b"%PDF-")


def test_document_that_kills_each_worker_is_given_up(renderer):
    with pytest.raises(RenderFailed, match="died twice"):
        renderer(python("pass")).render(PAGE, {})


def test_failed_document_says_why_and_the_worker_survives(renderer):
    ours = renderer(
        python(
            "from gateway.pdf import worker, maker\n"
            "make = maker.Maker.make\n"
            "def fail(self, html, files):\n"
            "    if html == 'bad': raise RecursionError('too deep')\n"
            "    return make(self, html, files)\n"
            "maker.Maker.make = fail\n"
            "worker.main()"
        )
    )
    with pytest.raises(RenderFailed, match="too deep"):
        ours.render("bad", {})
    assert ours.render(PAGE, {}).content.startswith(b"%PDF-")


def test_slow_document_is_given_up_and_its_worker_replaced(renderer):
    ours = renderer(python("import time; time.sleep(60)"), seconds=0.3)
    with pytest.raises(Unavailable, match="took too long"):
        ours.render(PAGE, {})
    assert ours._process is None


def test_queue_holds_eight_documents(renderer):
    ours = renderer(python("import time; time.sleep(60)"), seconds=1.5)
    outcomes = []

    def ask():
        try:
            ours.render(PAGE, {})
        except Unavailable as error:
            outcomes.append(error.message)

    threads = [threading.Thread(target=ask) for _ in range(9)]
    for thread in threads:
        thread.start()
    wait_until(lambda: ours._places._value == 0)
    with pytest.raises(Unavailable, match="many PDF files"):
        ours.render(PAGE, {})
    for thread in threads:
        thread.join(WAIT_SECONDS)
    assert len(outcomes) == 9


def test_missing_library_names_the_package_to_install(renderer):
    code = "import sys; sys.modules['weasyprint'] = None; from gateway.pdf import worker; worker.main()"
    with pytest.raises(Unavailable, match="sudo apt-get install libpango"):
        renderer(python(code)).render(PAGE, {})


def test_worker_fetches_nothing(ours, tmp_path, free_port):
    asked = []

    class Trap(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

    secret = tmp_path / "secret.svg"
    secret.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>SECRET</text></svg>'
    )
    port = free_port()
    web = f"http://127.0.0.1:{port}"
    logo = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<style>@import "{web}/a.css";</style><image href="{web}/b"/><image xlink:href="{secret.as_uri()}"/>'
        f'<use href="{secret.as_uri()}#x"/></svg>'
    )
    page = (
        f'<link rel="stylesheet" href="{web}/c"><style>@import "{web}/d"; p {{ background: url({web}/e) }}'
        f'@font-face {{ font-family: x; src: url({web}/f) }}</style><img src="{web}/g"><img src="isp:logo">'
        f'<img src="{secret.as_uri()}"><link rel="attachment" href="{secret.as_uri()}"><p>text</p>'
        f'<object data="{secret.as_uri()}"></object><embed src="{web}/h"><iframe src="{web}/i"></iframe>'
    )
    with http.server.HTTPServer(("127.0.0.1", port), Trap) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        (tmp_path / "made.pdf").write_bytes(ours.render(page, {"logo": logo.encode()}).content)
        server.shutdown()
        thread.join()
    assert asked == []
    with PdfReader(tmp_path / "made.pdf") as made:
        assert "SECRET" not in "".join(each.extract_text() for each in made.pages)
        assert dict(made.attachments) == {}


def run_python(code):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60, check=True
    ).stdout


def test_worker_ends_when_the_gateway_dies():
    code = (
        "import time; from gateway.pdf.renderer import Renderer; ours = Renderer(); ours.render('<p>x', {});"
        "print(ours._process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as gateway:
        pid = int(gateway.stdout.readline())
        gateway.kill()
    wait_until(lambda: is_gone(pid))


def test_event_loop_keeps_running_while_a_file_is_made():
    ticks = run_python(
        "import servicekit.green, eventlet\n"
        "from gateway.pdf.renderer import Renderer\n"
        "ours, ticks = Renderer(), []\n"
        "def tick():\n"
        "    while True:\n"
        "        ticks.append(1)\n"
        "        eventlet.sleep(0.01)\n"
        "eventlet.spawn(tick)\n"
        "making = [eventlet.spawn(ours.render, '<p>x</p>' * 200, {}) for _ in range(3)]\n"
        "made = [each.wait() for each in making]\n"
        "assert all(each.content.startswith(b'%PDF-') for each in made)\n"
        "print(len(ticks))\n"
        "ours.close()\n"
    )
    assert int(ticks) > 20


def test_abandoned_request_leaves_no_answer_for_the_next():
    said = run_python(
        "import servicekit.green, eventlet, io, pypdf\n"
        "from gateway.pdf.renderer import Renderer\n"
        "ours = Renderer()\n"
        "ours.render('<p>warm', {})\n"
        "given_up = eventlet.spawn(ours.render, '<p>first</p>' * 3000, {})\n"
        "eventlet.sleep(0.05)\n"
        "given_up.kill()\n"
        "made = ours.render('<title>second</title><p>x', {})\n"
        "print(pypdf.PdfReader(io.BytesIO(made.content)).metadata.title)\n"
        "ours.close()\n"
    )
    assert said.strip() == "second"
