// SPDX-License-Identifier: MIT
#include "testing/schedule.hpp"

#include <charconv>

namespace coloop::testing {

ExploringSchedule::ExploringSchedule(std::string_view text) {
    const char* place = text.data();
    const char* end = place + text.size();
    while (place < end) {
        std::size_t taken = 0;
        const auto [rest, error] = std::from_chars(place, end, taken);
        if (error != std::errc()) {
            complaint_ = "COLOOP_SCHEDULE is not a list of numbers with commas between them";
            return;
        }
        path_.push_back({taken, 0});
        place = rest + (rest < end ? 1 : 0);
    }
}

std::size_t ExploringSchedule::pick(std::size_t options) noexcept {
    if (depth_ == path_.size()) {
        path_.push_back({0, options});
    }
    Choice& choice = path_[depth_++];
    if (choice.options == 0 && choice.taken < options) {
        choice.options = options;
    }
    if (choice.options != options) {
        complaint_ =
            "the run was another one than before although the same was chosen, so that there is no "
            "telling what there is to explore; a test that is to be explored must depend on "
            "nothing but the order of its coroutines and on pick()";
        return 0;
    }
    return choice.taken;
}

std::string ExploringSchedule::text() const {
    std::string text;
    for (std::size_t i = 0; i < depth_; ++i) {
        text += (i == 0 ? "" : ",") + std::to_string(path_[i].taken);
    }
    return text;
}

bool ExploringSchedule::advance() {
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

}  // namespace coloop::testing
