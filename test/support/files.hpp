// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <filesystem>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/loop.hpp>

#include "support/descriptors.hpp"

namespace coloop {

/// A directory that is gone, with all in it, at the end of the test.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "coloop-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }

    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }

    /// The path of `name` in it.
    [[nodiscard]] std::string operator/(std::string_view name) const { return path_ / name; }

    [[nodiscard]] std::string path() const { return path_; }

    [[nodiscard]] std::size_t size() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_),
                                                      std::filesystem::directory_iterator()));
    }

private:
    std::filesystem::path path_;
};

/// While it exists, a file is in the page cache, whoever else wants the memory.
class CachedFile {
public:
    explicit CachedFile(const std::string& path) : size_(std::filesystem::file_size(path)) {
        const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        memory_ = mmap(nullptr, size_, PROT_READ, MAP_SHARED | MAP_LOCKED | MAP_POPULATE, file, 0);
        close(file);
    }

    CachedFile(const CachedFile&) = delete;
    CachedFile& operator=(const CachedFile&) = delete;

    ~CachedFile() {
        if (memory_ != MAP_FAILED) {  // who may lock no memory must hope
            munmap(memory_, size_);
        }
    }

private:
    std::size_t size_;
    void* memory_;
};

/// While it exists, root has no more rights than others.
class Nobody {
public:
    Nobody() { become(65534); }

    Nobody(const Nobody&) = delete;
    Nobody& operator=(const Nobody&) = delete;

    ~Nobody() {
        become(0);
        prctl(PR_SET_DUMPABLE, 1);  // the change of users took it; leak checkers want it
    }

private:
    void become(uid_t user) const {
        if (was_root_) {
            REQUIRE(setresuid(user, user, 0) == 0);
        }
    }

    bool was_root_ = geteuid() == 0;
};

/// While it exists, the process can open no more descriptors, or just one.
class FewDescriptors {
public:
    explicit FewDescriptors(std::size_t more) {
        const int next_free = open("/dev/null", O_RDONLY);
        close(next_free);
        getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit few{static_cast<rlim_t>(next_free) + more, before_.rlim_max};
        setrlimit(RLIMIT_NOFILE, &few);
    }

    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;

    ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// `size` bytes that differ from their neighbours and don't repeat soon.
inline std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(i * 31 + i / 251);
    }
    return text;
}

inline std::span<std::byte> writable(std::string& text) {
    return std::as_writable_bytes(std::span(text));
}

inline std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

}  // namespace coloop
