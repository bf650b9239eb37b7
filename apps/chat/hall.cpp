// SPDX-License-Identifier: MIT
#include "hall.hpp"

#include <algorithm>

#include "../common/log.hpp"
#include "text.hpp"

namespace {

/// Some of the names, and how many more there are: asking must not fill the memory.
std::string list(std::vector<std::string> names) {
    constexpr std::size_t shown_at_once = 200;
    const std::size_t count = names.size();
    if (count > shown_at_once) {
        names.resize(shown_at_once);
        names.push_back(fmt::format("and {} more", count - shown_at_once));
    }
    return fmt::format("{}", fmt::join(names, " "));
}

/// The first word, and what comes after it.
std::pair<std::string_view, std::string_view> split(std::string_view text) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::size_t next = std::min(text.find_first_not_of(' ', end), text.size());
    return {text.substr(0, end), text.substr(next)};
}

constexpr std::string_view help =
    "what you type is said in your room, but for\r\n"
    "*   /nick NAME: who you want to be\r\n"
    "*   /join ROOM: go there, from where you are\r\n"
    "*   /leave: go out of the room\r\n"
    "*   /rooms: which there are, and how many are in them\r\n"
    "*   /who: who is in the room\r\n"
    "*   /msg NAME TEXT: tell one and nobody else\r\n"
    "*   /help: this\r\n"
    "*   /quit: good-bye";

}  // namespace

void Hall::enter(Guest& guest) {
    do {
        guest.name = fmt::format("guest{}", ++entered_);
    } while (!guests_.try_emplace(folded(guest.name), &guest).second);
    guest.hear(
        notice("welcome, {}; /nick NAME, /join ROOM, then talk; /help for more", guest.name));
    if (closed_) {
        guest.outbox.close();
    }
}

void Hall::leave(Guest& guest) {
    part(guest, guest.why_left);
    const auto found = guests_.find(folded(guest.name));
    if (found != guests_.end() && found->second == &guest) {  // else it has left before
        guests_.erase(found);
    }
}

bool Hall::obey(Guest& guest, std::string_view line) {
    const auto [word, rest] = split(line);
    const Line answer = line.starts_with('/') ? answer_to(guest, word, rest) : say(guest, line);
    if (answer) {
        guest.hear(answer);
    }
    return word != "/quit";
}

Line Hall::answer_to(Guest& guest, std::string_view command, std::string_view rest) {
    if (command == "/nick" || command == "/join") {
        return !is_name(rest)       ? notice("a name is 1 to 24 letters, digits, - and _")
               : command == "/nick" ? rename(guest, rest)
                                    : join(guest, rest);
    }
    if (command == "/leave") {
        return notice("you are in no room{}", part(guest, "left") ? " now" : "");
    }
    if (command == "/rooms") {
        return list_rooms();
    }
    if (command == "/who") {
        return list_guests(guest.room);
    }
    if (command == "/msg") {
        const auto [name, text] = split(rest);
        return text.empty() ? notice("/msg NAME TEXT") : whisper(guest, name, text);
    }
    if (command == "/quit") {
        return notice("good-bye");
    }
    return command == "/help" ? notice("{}", help) : notice("no such command; /help lists them");
}

Line Hall::rename(Guest& guest, std::string_view name) {
    const auto [place, is_free] = guests_.try_emplace(folded(name), &guest);
    if (place->second != &guest) {
        return notice("{} is taken", name);
    }
    if (is_free) {
        guests_.erase(folded(guest.name));
    }
    const std::string old_name = std::exchange(guest.name, std::string(name));
    if (guest.room != nullptr) {
        tell(*guest.room, notice("{} is now {}", old_name, name));
    }
    return notice("you are {}", name);
}

Line Hall::join(Guest& guest, std::string_view name) {
    Room* room = open(name);
    if (room == nullptr) {
        return notice("there are too many rooms");
    }
    if (room == guest.room) {
        return nullptr;
    }
    part(guest, "left");
    if (!room->history.empty()) {
        std::string past;
        for (const Line& line : room->history) {
            past += *line;
        }
        guest.hear(notice("what was said in {}:\r\n{}* that was it", room->name, past));
    }
    room->guests.push_back(&guest);
    guest.room = room;
    tell(*room, notice("{} joined {}", guest.name, room->name));
    return nullptr;
}

/// The room of that name, made if need be. It is kept when all have left, for its history, until
/// its place is wanted.
Room* Hall::open(std::string_view name) {
    const std::string key = folded(name);
    if (!rooms_.contains(key) && rooms_.size() >= limits_.rooms) {
        const auto unused = std::find_if(rooms_.begin(), rooms_.end(), [](const auto& entry) {
            return entry.second.guests.empty();
        });
        if (unused == rooms_.end()) {
            return nullptr;
        }
        rooms_.erase(unused);
    }
    return &rooms_.try_emplace(key, Room{std::string(name), {}, {}}).first->second;
}

bool Hall::part(Guest& guest, std::string_view why) {
    Room* const room = std::exchange(guest.room, nullptr);
    if (room != nullptr) {
        std::erase(room->guests, &guest);
        tell(*room, notice("{} left {} ({})", guest.name, room->name, why));
    }
    return room != nullptr;
}

Line Hall::say(const Guest& guest, std::string_view text) const {
    if (text.empty()) {
        return nullptr;
    }
    if (guest.room == nullptr) {
        return notice("nobody hears you: /join ROOM first");
    }
    const Line line =
        std::make_shared<const std::string>(fmt::format("<{}> {}\r\n", guest.name, text));
    std::deque<Line>& history = guest.room->history;
    history.push_back(line);
    if (history.size() > limits_.history) {
        history.pop_front();
    }
    tell(*guest.room, line);
    return nullptr;
}

/// Tells all in the room. Those who have no place for it are thrown out, which the rest is told.
void Hall::tell(Room& room, Line line) {
    while (line) {
        std::vector<std::string> slow;
        std::erase_if(room.guests, [&](Guest* guest) {
            if (guest->hear(line)) {
                return false;
            }
            slow.push_back(guest->name);
            guest->room = nullptr;
            guest->why_left = "slow";
            guest->connection.cancel();
            return true;
        });
        line = slow.empty() ? nullptr : notice("{} dropped: too slow a reader", list(slow));
    }
}

Line Hall::whisper(const Guest& guest, std::string_view name, std::string_view text) {
    const auto found = guests_.find(folded(name));
    if (found == guests_.end()) {
        return notice("nobody here is {}", is_name(name) ? name : "that");
    }
    Guest& other = *found->second;
    const bool heard = other.hear(
        std::make_shared<const std::string>(fmt::format("[{}] {}\r\n", guest.name, text)));
    return heard ? notice("{} was told", other.name)
                 : notice("{} is not reading; try again later", other.name);
}

Line Hall::list_rooms() const {
    std::vector<std::string> names;
    for (const auto& [key, room] : rooms_) {
        names.push_back(fmt::format("{} ({})", room.name, room.guests.size()));
    }
    return notice("{} rooms: {}", rooms_.size(), list(names));
}

Line Hall::list_guests(const Room* room) {
    if (room == nullptr) {
        return notice("you are in no room");
    }
    std::vector<std::string> names;
    for (const Guest* guest : room->guests) {
        names.push_back(guest->name);
    }
    return notice("{} in {}: {}", names.size(), room->name, list(names));
}

void Hall::close() {
    closed_ = true;
    for (const auto& [key, guest] : guests_) {
        guest->hear(notice("the server ends; good-bye"));
        guest->outbox.close();
    }
}
