// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace coloop {

/// The choices of one run; explore() runs again and again until it has seen every combination.
class Choices {
public:
    /// A number below `options`.
    std::size_t pick(std::size_t options) {
        if (depth_ == path_.size()) {
            path_.push_back({0, options});
        }
        return path_[depth_++].taken;
    }

    /// What was picked, to tell a failing run from the others.
    [[nodiscard]] std::string text() const {
        std::string text;
        for (std::size_t i = 0; i < depth_; ++i) {
            text += std::to_string(path_[i].taken) + ' ';
        }
        return text;
    }

    /// Goes on to the next combination; false if there is none.
    bool advance() {
        depth_ = 0;
        while (!path_.empty() && path_.back().taken + 1 == path_.back().options) {
            path_.pop_back();
        }
        if (path_.empty()) {
            return false;
        }
        ++path_.back().taken;
        return true;
    }

private:
    struct Choice {
        std::size_t taken;
        std::size_t options;
    };

    std::vector<Choice> path_;
    std::size_t depth_ = 0;
};

/// Calls `run(choices)` once for each combination of what it picks, depth first. It must behave the
/// same whenever it picks the same.
template <typename Run>
void explore(Run run) {
    Choices choices;
    do {
        run(choices);
    } while (choices.advance());
}

}  // namespace coloop
