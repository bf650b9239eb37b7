// SPDX-License-Identifier: MIT
//
// Directories with something in them.
#pragma once

#include <algorithm>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <coloop/directory.hpp>
#include <coloop/file.hpp>
#include <coloop/fs.hpp>

namespace coloop {

using Names = std::set<std::string>;

inline Names names_in(const std::string& path) {
    Names names;
    for (const fs::DirectoryEntry& entry : fs::Directory::open(path)) {
        CHECK(names.insert(entry.name).second);
    }
    return names;
}

/// The paths below `root`, without it; those that could not be read end with "!".
inline Names walked(const std::string& root) {
    Names paths;
    for (const fs::WalkEntry& entry : fs::Walk(root)) {
        const std::string below = entry.path.substr(std::min(entry.path.size(), root.size() + 1));
        CHECK(paths.insert(below + (entry.error ? "!" : "")).second);
    }
    return paths;
}

inline void make_files(const std::string& directory, int count) {
    for (int i = 0; i < count; ++i) {
        static_cast<void>(File::create(directory + "/" + std::to_string(i)));
    }
}

/// root/a/b/c with a file in each, and two links out of the tree.
inline void make_tree(const std::string& root, const std::string& outside) {
    std::string path = root;
    fs::mkdir(root);
    for (const char* name : {"a", "b", "c"}) {
        fs::write_file(path + "/file", "text");
        path = path + "/" + name;
        fs::mkdir(path);
    }
    fs::symlink(outside, root + "/link");
    fs::symlink(root, root + "/a/loop");
}

}  // namespace coloop
