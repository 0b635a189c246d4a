"""The report in a browser, as a person has it: from a file, without a network.  Skipped where there is no Chromium."""

import json
import os
import re
import shutil

import pandas as pd
import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: tests/browser/install.sh")
OPTIONS = ["--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update"]
OPTIONS += ["--disable-sync", "--disable-quic", "--disable-gpu"]


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


class Seen:
    """A page, what it asked of the network, and what it said in the console."""

    def __init__(self, browser, file, width=1600, scheme="light"):
        self.page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
        self.page.set_default_timeout(20_000)
        self.requests, self.trouble = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda said: self.trouble.append(f"{said.type}: {said.text}"))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-ready]", state="attached")

    @property
    def outside(self):
        """Requests that leave the file."""
        return [url for url in self.requests[1:] if not url.startswith(("data:", "blob:"))]

    def numbers(self):
        """What the explorer shows of the direction that is picked, by the first word of its name."""
        cells = "rows => rows.map(row => [row.cells[0].innerText.split(' ')[0], row.cells[1].innerText])"
        return dict(self.page.locator("#numbers tr").evaluate_all(cells))

    def index(self):
        return int(self.numbers()["Direction"].split()[0])


@pytest.fixture(scope="module")
def file(smoke):
    return smoke.root / "results/report.html"


@pytest.fixture
def seen(chromium, file):
    made = Seen(chromium, file)
    yield made
    assert made.outside == []
    assert made.trouble == []
    made.page.close()


def test_a_request_that_leaves_the_file_and_an_error_are_seen(chromium, file, tmp_path):
    """Control of what every other test here ends with."""
    text = file.read_text(encoding="utf-8")
    policy = re.search(r"<meta http-equiv=[^>]*>", text)[0]
    added = '<img src="http://localhost:9/x.png" alt=""><script>throw new Error("wrong")</script>'
    (tmp_path / "bad.html").write_text(text.replace(policy, "").replace("<main>", f"<main>{added}"), encoding="utf-8")
    made = Seen(chromium, tmp_path / "bad.html")
    assert made.outside == ["http://localhost:9/x.png"]
    assert any("wrong" in each for each in made.trouble)
    made.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_it_fits_and_can_be_read(chromium, file, width, scheme):
    made = Seen(chromium, file, width, scheme)
    assert made.outside == made.trouble == []
    assert made.page.evaluate("document.documentElement.scrollWidth") == width
    made.page.locator("details").evaluate_all("all => all.forEach(each => each.open = true)")
    assert made.page.evaluate("document.documentElement.scrollWidth") == width
    ink, paper = made.page.evaluate("(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))")
    assert contrast(ink, paper) > 7
    assert (luminance(paper) > luminance(ink)) == (scheme == "light")
    for selector in (".verdict.agrees", ".verdict.differs", "td.chaotic", "#told, .small", "#spectrum text", "nav a"):
        style = "(e => (s => s.fill.startsWith('rgb') && e.tagName === 'text' ? s.fill : s.color)(getComputedStyle(e)))"
        color = made.page.locator(selector).first.evaluate(style)
        assert contrast(color, paper) > 4.5, selector
    made.page.close()


def luminance(color):
    """Relative, as WCAG defines it, of `rgb(...)`."""
    parts = [int(each) / 255 for each in re.findall(r"\d+", color)[:3]]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def table_of(smoke, run="smoke"):
    return pd.read_csv(smoke.root / f"results/runs/{run}/spectrum/directions.csv").set_index("index")


def agree(seen, table):
    """Whether the numbers shown are those of the table."""
    shown, row = seen.numbers(), table.loc[seen.index()]
    pairs = {"Singular": "sigma", "Distance": "distance_from_one", "Cosine": "cosine_uv"}
    near = [float(shown[name]) == pytest.approx(row[column], rel=1e-5) for name, column in pairs.items()]
    return all(near) and shown["Region"].split(",")[0] == row["region"] and ("exact" in shown["Region"]) == row["exact"]


def test_keys_lead_from_direction_to_direction(seen, smoke):
    table, spectrum = table_of(smoke), seen.page.locator("#spectrum")
    assert seen.index() == 1
    assert agree(seen, table)
    assert not agree(seen, table.assign(sigma=table["sigma"] * 1.001))  # another table is seen
    assert not agree(seen, table.assign(region=table["region"].iloc[::-1].to_numpy()))
    spectrum.focus()
    visited = [1]
    for key in ("ArrowRight", "ArrowRight", "PageUp", "ArrowLeft", "End", "ArrowRight"):
        spectrum.press(key)
        visited.append(seen.index())
        assert agree(seen, table)
        assert spectrum.get_attribute("aria-valuenow") == str(visited[-1])
    assert visited[:3] == sorted(set(visited[:3]))
    assert visited[5] == visited[6] == 160
    spectrum.press("Home")
    assert seen.index() == 1
    moved = pd.read_csv(smoke.root / "results/runs/smoke/behaviour/displacement.csv").set_index("index")
    assert float(seen.numbers()["Displacement"]) == pytest.approx(moved.loc[1, "displacement"], rel=1e-5)


def test_an_index_leads_to_the_nearest_direction(seen, smoke):
    box, told = seen.page.locator("#index"), seen.page.locator("#told")
    there = [each["index"] for each in json.loads(seen.page.locator("#explored").text_content())["smoke"]["directions"]]
    absent = next(index for index in range(1, 161) if index not in there)
    for wanted in (there[10], absent, 10**6, -3):
        box.fill(str(wanted))
        box.press("Enter")
        found = seen.index()
        assert abs(found - wanted) == min(abs(each - wanted) for each in there)
        assert bool(told.text_content()) == (found != wanted)
        assert agree(seen, table_of(smoke))


def test_a_click_picks_a_direction_and_the_mark_follows(seen, smoke):
    marks = seen.page.locator("#spectrum path[aria-roledescription='point']")
    marks.nth(20).scroll_into_view_if_needed()
    box = marks.nth(20).bounding_box()
    seen.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    seen.page.wait_for_function("document.getElementById('index').value !== '1'")
    assert agree(seen, table_of(smoke))
    rule = seen.page.locator("#spectrum .mark-rule.role-mark line").bounding_box()
    assert abs(rule["x"] + rule["width"] / 2 - box["x"] - box["width"] / 2) < 5


def test_another_run_and_each_region(seen, smoke):
    seen.page.select_option("#run", "seed_1")
    table = table_of(smoke, "seed_1")
    assert agree(seen, table)
    assert not agree(seen, table_of(smoke))
    regions = set()
    for button in seen.page.locator("#jumps button").all():
        button.click()
        assert agree(seen, table)
        regions.add(seen.numbers()["Region"])
    assert regions == {"chaotic", "bulk", "bulk, exact: no gradient touches it", "stable"}
    assert "not computed" in seen.numbers()["Displacement"]
    assert "was not computed for this run" in seen.page.locator("#divergence").inner_text()


def test_every_picture_is_drawn_and_described(seen):
    pictures = seen.page.locator("img").evaluate_all("all => all.map(each => [each.naturalWidth, each.alt])")
    assert len(pictures) == 21 + 2
    for width, words in pictures:
        assert width > 0
        assert len(words) > 40


def test_tables_are_sorted_by_a_click_and_by_the_keyboard(seen):
    head, cells = seen.page.locator("#counts thead th").nth(1), seen.page.locator("#counts tbody td:nth-child(2)")
    before = [int(each) for each in cells.all_inner_texts()]
    assert before != sorted(before)
    head.click()
    sync_api.expect(cells).to_have_text([str(each) for each in sorted(before)])
    head.locator("[tabindex='0']").press("Enter")
    sync_api.expect(cells).to_have_text([str(each) for each in sorted(before, reverse=True)])
    seen.page.locator("#statements input[type=search]").fill("shared by other")
    sync_api.expect(seen.page.locator("#verdicts tbody tr")).to_have_count(1)


def test_the_keyboard_reaches_everything_and_says_where_it_is(seen):
    reached = set()
    for _ in range(60):
        seen.page.keyboard.press("Tab")
        where = "(e => [e.id || e.tagName, getComputedStyle(e).outlineStyle])(document.activeElement)"
        name, outline = seen.page.evaluate(where)
        reached.add(name)
        assert outline != "none", name
    assert {"run", "index", "previous", "next", "spectrum"} <= reached
