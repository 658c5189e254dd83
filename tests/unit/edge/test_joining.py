"""Whether one module does what many did: Node runs both."""

import re
import subprocess
from pathlib import Path

import pytest

from edge.joining import Unjoinable, joined
from tests.web.fetch import NODE

MODULES = {
    "pages/entry.js": """
import { count, Counter as Tally } from "../a/counter.js";
import { told,
  twice } from "../a/passed.js";
console.log(told("one"), twice(21), count, new Tally().next(), await Promise.resolve("awaited"));
console.log((await import("../a/later.js")).default.word, new URL("x.txt", import.meta.url).pathname.slice(-11));
const name = "entry";
console.log(name);
""",
    "a/counter.js": """
import { told } from "./log.js";
told("counter runs");
export const count = 7;
const name = "counter";
export class Counter {
  next() { return `${name} ${count + 1}`; }
}
""",
    "a/passed.js": """
export { said as told } from "./log.js";
import { told as say } from "./log.js";
say("passed runs");
function double(number) { return 2 * number; }
export { double as twice };
""",
    "a/log.js": """
console.log("log runs");
export function told(text) { console.log(text); }
export async function unused() {}
export const said = (text) => `said ${text}`;
""",
    "a/later.js": 'export default { word: "later" };\n',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The modules as files."""
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for path, text in MODULES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def run(module: Path) -> str:
    assert NODE.exists(), "Node is not there; run: make web-tools"
    return subprocess.run([NODE, module], check=True, capture_output=True, text=True).stdout


def test_one_module_says_what_many_said_in_the_same_order(folder: Path) -> None:
    many = run(folder / "pages" / "entry.js")
    place = folder / "pages" / "entry.all.js"
    place.write_text(joined("pages/entry.js", MODULES, place="pages/entry.all.js"))
    assert run(place) == many
    assert many.splitlines()[:3] == ["log runs", "counter runs", "passed runs"]


@pytest.mark.parametrize(
    "line",
    [
        'import whole from "./b.js";',
        'import * as all from "./b.js";',
        'import "./b.js";',
        'export * from "./b.js";',
        "export default 5;",
        "export let changing = 1;",
    ],
)
def test_what_is_not_known_is_refused(line: str) -> None:
    with pytest.raises(Unjoinable, match=re.escape(line)):
        joined("a.js", {"a.js": f"{line}\n", "b.js": ""}, place="all.js")


def test_modules_that_import_each_other_are_refused() -> None:
    modules = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}
    with pytest.raises(Unjoinable, match=r"a\.js imports itself by way of a\.js and b\.js"):
        joined("a.js", modules, place="all.js")


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(Unjoinable, match=r"a\.js imports b\.js, which is not there"):
        joined("a.js", {"a.js": 'import { b } from "./b.js";\n'}, place="all.js")


@pytest.mark.parametrize(
    "exported", ["export const a = 1, b = 2;", "const b = 2;", "export const a = 1; export { b };"]
)
def test_a_name_that_is_not_seen_to_be_exported_is_refused(exported: str) -> None:
    modules = {"a.js": 'import { b } from "./b.js";\n', "b.js": f"{exported}\n"}
    with pytest.raises(Unjoinable, match=r"a\.js imports b, which b\.js is not seen to export"):
        joined("a.js", modules, place="all.js")


def test_a_variable_that_is_exported_is_refused() -> None:
    modules = {"a.js": "let count = 0;\nexport { count };\nexport function more() {\ncount += 1;\n}\n"}
    with pytest.raises(Unjoinable, match=r"a\.js exports count, which may change"):
        joined("a.js", modules, place="all.js")
