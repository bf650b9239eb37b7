# SPDX-License-Identifier: MIT
# A Conan 2 recipe of this source tree: conan create cmake/packaging/conan
import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy


class Coloop(ConanFile):
    name = "coloop"
    version = "0.1.0"
    description = "Stackful coroutines on libuv"
    license = "MIT"
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False]}
    default_options = {"shared": False}
    requires = "libuv/[>=1.44.2 <2]", "fmt/[>=9]"

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "lib/*"):
            copy(self, pattern, root, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["COLOOP_BUILD_TESTS"] = False
        toolchain.cache_variables["COLOOP_BUILD_APPS"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        self.cpp_info.libs = ["coloop"]
        self.cpp_info.set_property("cmake_target_name", "coloop::coloop")
        if not self.options.shared:
            self.cpp_info.defines.append("COLOOP_STATIC_DEFINE")
        if str(self.settings.arch) not in ("x86_64", "armv8"):
            self.cpp_info.defines.append("COLOOP_CONTEXT_UCONTEXT")
