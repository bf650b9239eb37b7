// SPDX-License-Identifier: MIT
#include <algorithm>
#include <string_view>
#include <utility>

#include "hall.hpp"

namespace {

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

/// The first word, and what comes after it.
std::pair<std::string_view, std::string_view> split(std::string_view text) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::size_t next = std::min(text.find_first_not_of(' ', end), text.size());
    return {text.substr(0, end), text.substr(next)};
}

Line answer_to(Hall& hall, Guest& guest, std::string_view command, std::string_view rest) {
    if (command == "/nick") {
        return hall.rename(guest, rest);
    }
    if (command == "/join") {
        return hall.join(guest, rest);
    }
    if (command == "/leave") {
        return notice("you are in no room{}", Hall::part(guest, "left") ? " now" : "");
    }
    if (command == "/rooms") {
        return hall.rooms();
    }
    if (command == "/who") {
        return Hall::who(guest);
    }
    if (command == "/msg") {
        const auto [name, text] = split(rest);
        return text.empty() ? notice("/msg NAME TEXT") : hall.whisper(guest, name, text);
    }
    if (command == "/quit") {
        return notice("good-bye");
    }
    return command == "/help" ? notice("{}", help) : notice("no such command; /help lists them");
}

}  // namespace

bool obey(Hall& hall, Guest& guest, std::string_view line) {
    const auto [word, rest] = split(line);
    Line answer;
    if (line.starts_with('/')) {
        answer = answer_to(hall, guest, word, rest);
    } else if (!line.empty() && !hall.say(guest, line)) {
        answer = notice("nobody hears you: /join ROOM first");
    }
    if (answer) {
        guest.hear(answer);
    }
    return word != "/quit";
}
