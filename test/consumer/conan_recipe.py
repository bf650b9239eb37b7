# The test consumer/conan: runs the recipe for Conan step by step, as `conan create` would, with the
# few classes of Conan that it uses played by ones that do the same with CMake. What is packed is
# what was built already.
#   python3 conan_recipe.py <build folder> <version> <folder to work in>
import importlib.util
import os
import shutil
import subprocess
import sys
import types
from pathlib import Path

build, version, work = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
recipe_path = Path(__file__).parents[2] / "cmake/packaging/conan/conanfile.py"


class ConanFile:
    def __init__(self):
        self.recipe_folder = str(recipe_path.parent)
        self.export_sources_folder = str(work / "sources")
        self.options = types.SimpleNamespace(**self.default_options)
        self.settings = types.SimpleNamespace(arch="x86_64")
        self.cpp_info = types.SimpleNamespace(properties={}, defines=[])
        self.cpp_info.set_property = self.cpp_info.properties.__setitem__
        self.variables = {}


class CMakeDeps:
    def __init__(self, recipe):
        pass

    def generate(self):
        pass


class CMakeToolchain:
    def __init__(self, recipe):
        self.recipe = recipe
        self.cache_variables = {}

    def generate(self):
        self.recipe.variables = self.cache_variables


class CMake:
    def __init__(self, recipe):
        self.recipe = recipe

    def configure(self):
        """Of the exported sources only, so that what is missing among them shows."""
        values = [f"-D{name}={'ON' if on else 'OFF'}" for name, on in self.recipe.variables.items()]
        said = subprocess.run(
            ["cmake", "-S", work / "sources", "-B", work / "build", "-G", "Ninja", *values],
            check=True, capture_output=True, text=True)
        assert "not used by the project" not in said.stderr, said.stderr

    def build(self):
        """Ninja says whether it has all that it would build from."""
        subprocess.run(["ninja", "-n", "-C", work / "build"], check=True, capture_output=True)

    def install(self):
        subprocess.run(["cmake", "--install", build, "--prefix", work / "package"],
                       check=True, capture_output=True)


def copy(recipe, pattern, source, target):
    for path in Path(source).glob(pattern):
        where = Path(target) / path.relative_to(source)
        where.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, where)


def module(name, **contents):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(contents)


module("conan", ConanFile=ConanFile)
module("conan.tools")
module("conan.tools.cmake", CMake=CMake, CMakeDeps=CMakeDeps, CMakeToolchain=CMakeToolchain,
       cmake_layout=lambda recipe: None)
module("conan.tools.files", copy=copy)

sys.dont_write_bytecode = True
spec = importlib.util.spec_from_file_location("conanfile", recipe_path)
conanfile = importlib.util.module_from_spec(spec)
spec.loader.exec_module(conanfile)

shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)
recipe = conanfile.Coloop()
assert recipe.version == version, f"the recipe is of version {recipe.version}"
assert recipe.license == "MIT"
assert any(one.startswith("libuv/") for one in recipe.requires), recipe.requires
assert any(one.startswith("fmt/") for one in recipe.requires), recipe.requires
for step in ("export_sources", "layout", "generate", "build", "package", "package_info"):
    getattr(recipe, step)()

assert recipe.cpp_info.properties["cmake_target_name"] == "coloop::coloop"
for library in recipe.cpp_info.libs:
    assert (work / f"package/lib/lib{library}.a").exists(), library

# Who compiles against it must define what our own packages tell their users to.
flags = subprocess.run(
    ["pkg-config", "--cflags-only-other", "coloop"], check=True, capture_output=True, text=True,
    env={**os.environ, "PKG_CONFIG_PATH": str(work / "package/lib/pkgconfig")}).stdout.split()
ours = {flag for flag in flags if flag.startswith("-DCOLOOP")}
theirs = {f"-D{name}" for name in recipe.cpp_info.defines}
assert ours == theirs, f"coloop.pc says {ours}, the recipe {theirs}"
