// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <link.h>

#include "testing/origin.hpp"

namespace coloop::testing {

namespace {

struct Free {
    void operator()(char** memory) const noexcept { std::free(memory); }
};

struct ClosePipe {
    void operator()(std::FILE* pipe) const noexcept { pclose(pipe); }
};

/// What the linker knows of an address.
std::string symbol_of(void* address) {
    const std::unique_ptr<char*, Free> text(backtrace_symbols(&address, 1));
    return text == nullptr ? std::string() : *text;
}

/// The address that the debug information of `file` has for a call that returns to `address`.
std::size_t offset_in(const Dl_info& file, void* address) noexcept {
    const auto call = reinterpret_cast<std::size_t>(address) - 1;
    const auto* header = static_cast<const ElfW(Ehdr)*>(file.dli_fbase);
    return header->e_type == ET_EXEC ? call : call - reinterpret_cast<std::size_t>(header);
}

/// True of the library's own files, which are of no interest to those who use it.
bool is_own(std::string_view line) noexcept {
    for (const std::string_view folder :
         {"/include/coloop/", "/lib/base/", "/lib/context/", "coloop_context_boot",
          "/lib/coroutine/", "/lib/sync/", "/lib/loop/", "/lib/io/", "/lib/testing/",
          "/include/c++/"}) {
        if (line.find(folder) != std::string_view::npos) {
            return true;
        }
    }
    return line.starts_with("coloop::") && line.ends_with(":?");  // no debug information
}

/// "function at file:line" for each of the addresses that lie in `file`, in their order; fewer if
/// there is nobody to read its debug information. Of functions that were inlined into each other,
/// it names the innermost that is not the library's own.
std::vector<std::string> sources_in(const Dl_info& file, const std::vector<void*>& addresses) {
    if (std::strchr(file.dli_fname, '\'') != nullptr) {
        return {};
    }
    std::string command = std::string("addr2line -Cfipe '") + file.dli_fname + '\'';
    for (void* address : addresses) {
        char offset[32];
        std::snprintf(offset, sizeof offset, " %zx", offset_in(file, address));
        command += offset;
    }
    std::vector<std::string> lines;
    const std::unique_ptr<std::FILE, ClosePipe> pipe(
        popen((command + " 2>/dev/null").c_str(), "re"));
    char text[4096];
    while (pipe != nullptr && std::fgets(text, sizeof text, pipe.get()) != nullptr) {
        const std::string line(text, std::strcspn(text, "\n"));
        constexpr std::string_view outer = " (inlined by) ";
        if (!line.starts_with(outer)) {
            lines.push_back(line);
        } else if (!lines.empty() && is_own(lines.back())) {
            lines.back() = line.substr(outer.size());
        }
    }
    return lines;
}

/// A line for each address: from the debug information, which is read once for each file, or else
/// what the linker knows.
std::vector<std::string> lines_of(const std::vector<void*>& addresses) {
    std::map<std::string, std::pair<Dl_info, std::vector<void*>>> by_file;
    for (void* address : addresses) {
        Dl_info file{};
        if (dladdr(address, &file) != 0 && file.dli_fname != nullptr) {
            auto& [info, inside] = by_file[file.dli_fname];
            info = file;
            inside.push_back(address);
        }
    }
    std::map<void*, std::string> found;
    for (const auto& [name, file] : by_file) {
        const std::vector<std::string> lines = sources_in(file.first, file.second);
        for (std::size_t i = 0; i < lines.size() && lines.size() == file.second.size(); ++i) {
            found[file.second[i]] = lines[i];
        }
    }
    std::vector<std::string> result;
    for (void* address : addresses) {
        const std::string& line = found[address];
        result.push_back(line.empty() || line.starts_with("?") ? symbol_of(address) : line);
    }
    return result;
}

}  // namespace

Origin Origin::here() noexcept {
    Origin origin;
    origin.count_ =
        static_cast<std::size_t>(backtrace(origin.frames_.data(), static_cast<int>(most_frames)));
    return origin;
}

std::string Origin::text() const {
    constexpr int most_lines = 3;
    if (count_ == 0) {
        return {};
    }
    std::string text;
    int lines = 0;
    for (const std::string& line : lines_of({frames_.begin() + 1, frames_.begin() + count_})) {
        if (lines < most_lines && !is_own(line)) {
            text += "    by " + line + '\n';
            ++lines;
        }
    }
    return text;
}

}  // namespace coloop::testing
