"""Maps the top-level folders `problems/` and `models/` to `nco.problems` and `nco.models`."""

from setuptools import find_packages, setup

FOLDERS = {"nco.problems": "problems", "nco.models": "models", "nco.configs": "configs"}

packages = find_packages(include=["nco", "nco.*"])
for name, folder in FOLDERS.items():
    packages += [name] + [f"{name}.{child}" for child in find_packages(folder)]

setup(packages=packages, package_dir=FOLDERS)
