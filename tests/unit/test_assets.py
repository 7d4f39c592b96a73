"""The web files: only the pinned archive is unpacked, and only what is served of it."""

import base64
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import assets


def archive_of(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "package-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def integrity_of(archive: Path) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()


def npm_that_packs(folder: Path, archive: Path) -> str:
    """A program that answers `npm pack NAME --silent --pack-destination FOLDER`, and counts its calls."""
    npm = folder / "npm"
    npm.write_text(f'#!/bin/sh\necho call >> "{folder}/calls"\ncp "{archive}" "$5"\n')
    npm.chmod(0o755)
    return str(npm)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return archive_of(tmp_path, {"style.css": b"body{}", "fonts/a.woff2": b"font", "huge.map": b"left out"})


@pytest.fixture
def package(archive: Path) -> assets.Package:
    return assets.Package("package", "1.0.0", integrity_of(archive), ("style.css", "fonts/*.woff2"))


def test_only_the_served_files_are_kept(tmp_path: Path, archive: Path, package: assets.Package) -> None:
    target = tmp_path / "assets"
    target.mkdir()
    assets.fetch(package, target, npm_that_packs(tmp_path, archive))

    kept = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    assert kept == {"package/style.css", "package/fonts/a.woff2", f"package/{assets.STAMP}"}
    assert assets.is_present(target, package)


def test_an_archive_that_is_not_the_pinned_one_is_refused_whole(
    tmp_path: Path, archive: Path, package: assets.Package
) -> None:
    target = tmp_path / "assets"
    target.mkdir()
    with pytest.raises(assets.AssetsUnavailable, match="not the pinned archive"):
        assets.fetch(replace(package, integrity="sha512-other"), target, npm_that_packs(tmp_path, archive))

    assert list(target.iterdir()) == []


def test_files_of_another_version_are_fetched_anew(tmp_path: Path, archive: Path, package: assets.Package) -> None:
    target = tmp_path / "assets"
    target.mkdir()
    assets.fetch(package, target, npm_that_packs(tmp_path, archive))

    assert not assets.is_present(target, replace(package, integrity="sha512-newer"))


def test_nothing_is_called_when_everything_is_there(
    tmp_path: Path, archive: Path, package: assets.Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm_that_packs(tmp_path, archive)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(assets, "PACKAGES", (package,))

    assert assets.fetch_missing(tmp_path / "assets") == ["package"]
    assert assets.fetch_missing(tmp_path / "assets") == []
    assert (tmp_path / "calls").read_text().count("call") == 1


def test_a_failing_npm_is_reported_in_its_own_words(tmp_path: Path, package: assets.Package) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network is unreachable' >&2\nexit 1\n")
    npm.chmod(0o755)

    with pytest.raises(assets.AssetsUnavailable, match="network is unreachable"):
        assets.fetch(package, tmp_path, str(npm))


@pytest.mark.parametrize("package", assets.PACKAGES, ids=lambda package: package.name)
def test_every_pin_is_a_whole_sha512(package: assets.Package) -> None:
    kind, _, digest = package.integrity.partition("-")

    assert (kind, len(base64.b64decode(digest, validate=True))) == ("sha512", 64)
