// SPDX-License-Identifier: MIT
#include <array>
#include <cstdlib>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "testing/descriptors.hpp"

namespace coloop::testing {

namespace {

std::string name_of(const std::string& link) {
    std::array<char, 256> target{};
    const ssize_t length = readlink(link.c_str(), target.data(), target.size());
    return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length))
                      : std::string();
}

Target target_of(int number, const std::string& link) {
    Target target{name_of(link), {}};

    struct stat info {};

    if (fstat(number, &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        target.identity = std::to_string(info.st_dev) + ' ' + std::to_string(info.st_ino);
    } else {  // of what has no file, it is the name that tells one from the other
        target.identity = target.name;
    }
    return target;
}

}  // namespace

Descriptors open_descriptors() {
    const std::string folder = "/dev/fd/";
    Descriptors result;
    DIR* entries = opendir(folder.c_str());
    if (entries == nullptr) {
        return result;
    }
    while (const dirent* entry = readdir(entries)) {
        const std::string name = static_cast<const char*>(entry->d_name);
        const bool is_number = name[0] != '.';
        const int number = is_number ? std::atoi(name.c_str()) : -1;
        if (is_number && number != dirfd(entries)) {
            result.emplace(number, target_of(number, folder + name));
        }
    }
    closedir(entries);
    return result;
}

std::string new_descriptors(const Descriptors& before) {
    std::string text;
    for (const auto& [number, target] : open_descriptors()) {
        const auto known = before.find(number);
        if (known == before.end() || known->second.identity != target.identity) {
            text += "  descriptor " + std::to_string(number) + ": " + target.name + '\n';
        }
    }
    return text;
}

}  // namespace coloop::testing
