// SPDX-License-Identifier: MIT
#include "hall.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "../log.hpp"
#include "text.hpp"

namespace {

constexpr std::size_t shown_at_once = 200;  // names, so that asking can't fill the memory

Line make_line(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

std::string more(std::size_t count) {
    return count > shown_at_once ? fmt::format(" and {} more", count - shown_at_once) : "";
}

std::string list(const std::vector<Guest*>& guests) {
    std::string names;
    for (std::size_t i = 0; i < std::min(guests.size(), shown_at_once); ++i) {
        names += (i == 0 ? "" : " ") + guests[i]->name();
    }
    return names + more(guests.size());
}

}  // namespace

Line notice(std::string_view text) { return make_line(fmt::format("* {}\r\n", text)); }

void Hall::enter(Guest& guest) {
    do {
        guest.name_ = fmt::format("guest{}", ++entered_);
    } while (!guests_.try_emplace(folded(guest.name_), &guest).second);
}

void Hall::leave(Guest& guest, std::string_view why) {
    part(guest, why);
    const auto found = guests_.find(folded(guest.name_));
    if (found != guests_.end() && found->second == &guest) {  // else it has left before
        guests_.erase(found);
    }
}

bool Hall::rename(Guest& guest, std::string_view name) {
    const std::string key = folded(name);
    const std::string old_key = folded(guest.name_);
    if (key != old_key) {
        if (!guests_.try_emplace(key, &guest).second) {
            return false;
        }
        guests_.erase(old_key);
    }
    const std::string old_name = std::exchange(guest.name_, std::string(name));
    if (guest.room_ != nullptr) {
        tell(*guest.room_, notice(fmt::format("{} is now {}", old_name, name)));
    }
    return true;
}

bool Hall::join(Guest& guest, std::string_view name) {
    Room* room = open(name);
    if (room == nullptr) {
        return false;
    }
    if (room == guest.room_) {
        return true;
    }
    part(guest, "left");
    std::string past;
    for (const Line& line : room->history) {
        past += *line;
    }
    if (!past.empty()) {
        guest.hear(make_line(
            fmt::format("* what was said in {}:\r\n{}* that was it\r\n", room->name, past)));
    }
    room->guests.push_back(&guest);
    guest.room_ = room;
    tell(*room, notice(fmt::format("{} joined {}", guest.name_, room->name)));
    return true;
}

/// The room of that name, made if need be. It is kept when all have left, for its history, until
/// its place is wanted.
Room* Hall::open(std::string_view name) {
    const std::string key = folded(name);
    const auto found = rooms_.find(key);
    if (found != rooms_.end()) {
        return &found->second;
    }
    if (rooms_.size() >= limits_.rooms) {
        const auto unused = std::find_if(rooms_.begin(), rooms_.end(), [](const auto& entry) {
            return entry.second.guests.empty();
        });
        if (unused == rooms_.end()) {
            return nullptr;
        }
        rooms_.erase(unused);
    }
    Room& room = rooms_[key];
    room.name = name;
    return &room;
}

bool Hall::part(Guest& guest, std::string_view why) {
    if (guest.room_ == nullptr) {
        return false;
    }
    Room& room = *guest.room_;
    remove(guest);
    tell(room, notice(fmt::format("{} left {} ({})", guest.name_, room.name, why)));
    return true;
}

void Hall::remove(Guest& guest) {
    std::erase(guest.room_->guests, &guest);
    guest.room_ = nullptr;
}

bool Hall::say(Guest& guest, std::string_view text) {
    if (guest.room_ == nullptr) {
        return false;
    }
    Room& room = *guest.room_;
    const Line line = make_line(fmt::format("<{}> {}\r\n", guest.name_, text));
    room.history.push_back(line);
    if (room.history.size() > limits_.history) {
        room.history.pop_front();
    }
    tell(room, line);
    return true;
}

/// Tells all in the room. Those who have no place for it are thrown out, which the rest is told.
void Hall::tell(Room& room, const Line& line) {
    Line next = line;
    while (next) {
        std::vector<Guest*> slow;
        std::erase_if(room.guests, [&](Guest* guest) {
            const bool is_slow = !guest->hear(next);
            if (is_slow) {
                slow.push_back(guest);
            }
            return is_slow;
        });
        for (Guest* guest : slow) {
            guest->room_ = nullptr;
            guest->drop();
            log("event=drop name={} room={} reason=slow", guest->name_, room.name);
        }
        next = slow.empty() ? nullptr : notice(list(slow) + " dropped: too slow a reader");
    }
}

Guest* Hall::find(std::string_view name) {
    const auto found = guests_.find(folded(name));
    return found == guests_.end() ? nullptr : found->second;
}

std::string Hall::rooms() const {
    std::string text = fmt::format("{} rooms:", rooms_.size());
    std::size_t left = shown_at_once;
    for (const auto& [key, room] : rooms_) {
        if (left-- == 0) {
            break;
        }
        text += fmt::format(" {} ({})", room.name, room.guests.size());
    }
    return text + more(rooms_.size());
}

std::string Hall::who(const Guest& guest) {
    if (guest.room_ == nullptr) {
        return "you are in no room";
    }
    const Room& room = *guest.room_;
    return fmt::format("{} in {}: {}", room.guests.size(), room.name, list(room.guests));
}

void Hall::close() noexcept {
    closed_ = true;
    const Line farewell = notice("the server ends; good-bye");
    for (const auto& [key, guest] : guests_) {
        guest->hear(farewell);
        guest->dismiss();
    }
}
