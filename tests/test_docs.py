"""What docs/architecture.md and docs/games/ promise to list, they list."""

import re
from pathlib import Path

from games.registry import registered_games

ROOT = Path(__file__).parent.parent
LAYERS = ("games", "engine", "agents", "scripts")


def test_the_architecture_names_every_file_and_no_other():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for layer in LAYERS:
        section = text.partition(f"### {layer}/")[2].partition("\n#")[0]
        named = re.findall(r"^\| `([^`]+\.py)` \| .+ \|$", section, re.MULTILINE)
        there = {
            path.relative_to(ROOT / layer).as_posix()
            for path in (ROOT / layer).rglob("*.py")
            if path.name != "__init__.py"
        }
        assert sorted(named) == sorted(there), layer


def test_every_game_has_its_page_and_the_readme_leads_there():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in registered_games():
        assert (ROOT / "docs" / "games" / f"{name}.md").is_file(), name
        assert f"docs/games/{name}.md" in readme, name


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} points to {target}"
