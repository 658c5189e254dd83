"""The files of the pages: found, told apart, sent in as few bytes as a client can read."""

import gzip
import os
import re
import subprocess
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from edge.assets import LOOK_AGAIN_SECONDS, WORDS, Assets, answer, bare
from edge.pages import WEB
from tests.web.fetch import NODE

PAGE = '<script type="module" src="$assets/pages/home.js"></script>'
LONG = "// A line that is repeated, so that it gains by compression.\n" * 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder of pages, and a secret beside it."""
    (tmp_path / "secret.js").write_text("secret")
    root = tmp_path / "web"
    files = {
        "index.html": PAGE,
        "icon.svg": "<svg/>",
        "style.css": LONG,
        "sample.mp3": "not really",
        "notes.txt": "not served",
        ".hidden.js": "not served",
        "pages/home.js": f'import {{ t }} from "../words.js";\nimport "./more.js";\n{LONG}',
        "pages/more.js": 'export {\n  one,\n  two,\n} from "../deep/one.js";\nconst a = () => import("../late.js");\n',
        "deep/one.js": 'import { t } from "../words.js";\nimport "../pages/home.js";\n',
        "words.js": '/** @import { One } from "./deep/unseen.js" */\nexport const t = "../late.js";\n',
        "late.js": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def asked(root: Path, name: str, **headers: str) -> web.Response:
    request = make_mocked_request("GET", "/", headers={key.replace("_", "-"): value for key, value in headers.items()})
    return answer(Assets(root).at(0.0).files[name], request, immutable=True)


def test_only_what_pages_are_made_of_is_served(root: Path) -> None:
    served = set(Assets(root).at(0.0).files)
    modules = {"pages/home.js", "pages/more.js", "deep/one.js", "words.js", "late.js"}
    assert served == modules | {"icon.svg", "style.css", "sample.mp3"}


def test_a_link_out_of_the_folder_leads_nowhere(root: Path) -> None:
    (root / "out.js").symlink_to(root.parent / "secret.js")
    (root / "away").symlink_to(root.parent)
    assert not [name for name in Assets(root).at(0.0).files if "out" in name or "secret" in name]


def test_the_prefix_names_the_content_and_not_the_time_or_the_place(root: Path, tmp_path: Path) -> None:
    before = Assets(root).at(0.0).digest
    os.utime(root / "words.js", (1, 1))
    assert Assets(root).at(0.0).digest == before
    moved = root.rename(tmp_path / "elsewhere")
    assert Assets(moved).at(0.0).digest == before
    (moved / "words.js").write_text("other")
    assert Assets(moved).at(0.0).digest != before


def test_a_file_that_is_edited_is_read_again_soon(root: Path) -> None:
    assets = Assets(root)
    before = assets.at(10.0)
    (root / "words.js").write_text("export const t = 2;")
    (root / "new.css").write_text("body {}")
    (root / "late.js").unlink()
    assert assets.at(10.0 + LOOK_AGAIN_SECONDS / 2) is before
    after = assets.at(10.0 + LOOK_AGAIN_SECONDS)
    assert after.files["words.js"].body == b"export const t = 2;"
    assert "new.css" in after.files
    assert "late.js" not in after.files
    assert after.digest != before.digest


def test_nothing_is_read_again_while_nothing_changes(root: Path) -> None:
    assets = Assets(root)
    assert assets.at(0.0) is assets.at(100.0)


def test_a_page_preloads_what_its_script_imports_and_what_that_imports_once_each(root: Path) -> None:
    preloads = Assets(root).at(0.0).preloads["index.html"]
    assert preloads == ("pages/home.js", "words.js", "pages/more.js", "deep/one.js")


def test_a_page_knows_the_words_that_its_script_will_load(root: Path) -> None:
    (root / "interface/words").mkdir(parents=True)
    for name in ("common.en", "common.es", "home.en", "home.es", "speak.en", "problems.es"):
        (root / f"interface/words/{name}.js").write_text("export default {};")
    (root / "pages/more.js").write_text('await load("home");')
    words = Assets(root).at(0.0).words["index.html"]
    assert words == {
        "en": ("interface/words/common.en.js", "interface/words/home.en.js"),
        "es": tuple(f"interface/words/{name}.es.js" for name in ("common", "home", "problems")),
    }


def test_modules_travel_without_comments_and_indents_and_with_their_lines() -> None:
    module = """// Decision.
/**
 * @param {string} a
 */
export function f(a) {
  // Reason.
  const url = "http://x.example/*"; // stays
  return /** @type {any} */ (a) + url; /* stays */
}
  /** @type {number} */ (f).x = 1;
/* one */ /* two */ f();
"""
    sent = """



export function f(a) {

const url = "http://x.example/*"; // stays
return /** @type {any} */ (a) + url; /* stays */
}
(f).x = 1;
/* two */ f();
"""
    assert bare(module) == sent


def test_a_client_that_reads_gzip_gets_gzip(root: Path) -> None:
    for accepted in ("gzip", "deflate, gzip;q=1.0, *;q=0.5", "br, GZIP", "*"):
        response = asked(root, "style.css", Accept_Encoding=accepted)
        assert response.headers["Content-Encoding"] == "gzip"
        assert isinstance(response.body, bytes)
        assert gzip.decompress(response.body) == LONG.encode()
        assert response.headers["Vary"] == "Accept-Encoding"


def test_a_client_that_does_not_gets_the_file_as_it_is(root: Path) -> None:
    for accepted in ("", "br", "gzip;q=0", "gzip; q=0.0, br"):
        response = asked(root, "style.css", Accept_Encoding=accepted)
        assert "Content-Encoding" not in response.headers
        assert response.body == LONG.encode()
        assert response.headers["Vary"] == "Accept-Encoding"


def test_what_is_packed_already_is_not_packed_again(root: Path) -> None:
    response = asked(root, "sample.mp3", Accept_Encoding="gzip")
    assert "Content-Encoding" not in response.headers
    assert "Vary" not in response.headers


def test_the_two_forms_have_tags_of_their_own_and_either_is_known_again(root: Path) -> None:
    plain = asked(root, "style.css").headers["ETag"]
    zipped = asked(root, "style.css", Accept_Encoding="gzip").headers["ETag"]
    assert plain != zipped
    for tag in (plain, zipped, f"W/{zipped}", f'"other", {plain}', "*"):
        again = asked(root, "style.css", Accept_Encoding="gzip", If_None_Match=tag)
        assert (again.status, again.body) == (304, None)
        assert again.headers["ETag"] == zipped
        assert "immutable" in again.headers["Cache-Control"]
    assert asked(root, "style.css", If_None_Match='"other"').status == 200


def test_types_are_told_with_their_characters(root: Path) -> None:
    assert asked(root, "words.js").headers["Content-Type"] == "text/javascript"
    assert asked(root, "style.css").headers["Content-Type"] == "text/css; charset=utf-8"
    assert asked(root, "icon.svg").headers["Content-Type"] == "image/svg+xml"
    assert asked(root, "sample.mp3").headers["Content-Type"] == "audio/mpeg"


SOURCES = sorted(path for path in WEB.rglob("*") if path.suffix in {".html", ".js", ".css", ".svg", ".webmanifest"})


@pytest.mark.parametrize("path", [path for path in SOURCES if path.suffix == ".html"], ids=lambda path: path.name)
def test_a_template_has_nothing_inline_and_no_foreign_address(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r"<style\b|\sstyle\s*=|\son\w+\s*=|javascript:|<base\b", text, re.IGNORECASE)
    for script in re.findall(r"<script\b[^>]*>(.*?)</script>", text, re.DOTALL):
        assert script.strip() == ""
    assert [
        found for found in re.findall(r"""(?:src|href|action)="([^"]*)\"""", text) if not re.match(r"[$/#]", found)
    ] == []
    # So that it is a whole page where scripts do not run, and read out in the right language.
    assert '<html lang="en">' in text
    assert "<title>" in text
    assert "$preload" in text


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(WEB)))
def test_no_file_of_the_pages_names_a_foreign_address(path: Path) -> None:
    names = re.findall(r"\b(?:https?|wss?)://([A-Za-z\d][\w-]*(?:\.[\w-]+)*)", path.read_text("utf-8"))
    # Namespaces are names, and examples lead nowhere.
    harmless = re.compile(r"www\.w3\.org|localhost|(.+\.)?example(\.(com|net|org))?")
    assert [name for name in names if not harmless.fullmatch(name)] == []


@pytest.mark.parametrize("path", [path for path in SOURCES if path.suffix == ".js"], ids=lambda path: path.name)
def test_no_module_has_what_an_old_phone_our_policy_or_our_server_does_not_take(path: Path) -> None:
    text = path.read_text("utf-8")
    # The lines of a template literal might begin like a comment, and would be lost.
    assert [line for line in bare(text).splitlines() if line.count("`") % 2] == []
    # Safari before 16.4 refuses a whole module for one regular expression that looks behind.
    assert not re.search(r"\(\?<[=!]", text)
    # The policy lets none of these in.
    assert not re.search(
        r"\beval\(|\bnew Function\(|\.innerHTML\b|\.outerHTML\b|insertAdjacentHTML|document\.write", text
    )
    assert not re.search(r"""setAttribute\(\s*["']style""", text)


def test_a_page_asks_for_its_modules_all_in_one(root: Path) -> None:
    (root / "deep" / "one.js").write_text('export { t as one, t as two } from "../words.js";\n')
    (root / "pages" / "more.js").write_text('export { one, two } from "../deep/one.js";\n')
    (root / "pages" / "home.js").write_text('import { one } from "./more.js";\nconsole.log(one);\n')
    snapshot = Assets(root).at(0.0)
    assert snapshot.preloads["index.html"] == ("pages/home.all.js",)
    assert '"$assets/pages/home.all.js"' in snapshot.templates["index.html"]["en"].template
    assert b"console.log(one);" in snapshot.files["pages/home.all.js"].body
    # Who embeds a part of them finds it where it was.
    assert "deep/one.js" in snapshot.files


@pytest.mark.parametrize("page", ["index", "listen", "speak", "screen", "problem"])
def test_the_modules_of_our_pages_can_be_joined(page: str) -> None:
    (script,) = Assets(WEB).at(0.0).preloads[f"{page}.html"]
    assert script.endswith(".all.js")


def parsed(sources: Path, out: Path) -> dict[str, str]:
    """Every module of a folder as a compiler writes it that knows the language: without comments, with its own
    indents."""
    compiler = NODE.parent / "tsc"
    assert compiler.exists(), "The compiler is not there; run: make web-tools"
    plainly = ["--ignoreConfig", "--allowJs", "--noCheck", "--removeComments", "--types", ""]
    modern = ["--target", "esnext", "--module", "esnext", "--moduleResolution", "bundler"]
    folders = ["--rootDir", str(sources), "--outDir", str(out)]
    files = [str(path) for path in sorted(sources.rglob("*.js"))]
    done = subprocess.run(
        [compiler, *plainly, *modern, *folders, *files], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout
    return {path.relative_to(out).as_posix(): path.read_text("utf-8") for path in out.rglob("*.js")}


def test_what_is_sent_is_the_program_that_was_written(tmp_path: Path) -> None:
    snapshot = Assets(WEB).at(0.0)
    for name, file in snapshot.files.items():
        if name.endswith(".js"):
            (tmp_path / "sent" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "sent" / name).write_bytes(file.body)
    written, sent = parsed(WEB, tmp_path / "one"), parsed(tmp_path / "sent", tmp_path / "other")
    assert len(written) > 100
    assert [name for name in written if written[name] != sent[name]] == []
    # Those that were joined: what a compiler lets pass, such as a name that is there twice, a browser refuses.
    together = sorted(sent.keys() - written.keys())
    assert len(together) == len(snapshot.templates)
    for name in together:
        module = tmp_path / "sent" / f"{name}.mjs"
        module.write_bytes(snapshot.files[name].body)
        done = subprocess.run([NODE, "--check", module], capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stderr


def test_what_is_loaded_later_brings_no_second_copy_of_what_was_joined() -> None:
    later = [
        (path.name, found)
        for path in SOURCES
        if path.suffix == ".js"
        for found in re.findall(
            r"\bimport\(([^)]*)\)", re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
        )
    ]
    # A module that is in a page's one file and is imported by one that comes later would run, and remember, twice.
    assert later == [("i18n.js", "`./words/${name}.${language}.js`")]
    for path in (WEB / WORDS).iterdir():
        assert not re.search(r"^import\b|\bfrom\b\s*\"", path.read_text("utf-8"), re.MULTILINE), path.name
