// SPDX-License-Identifier: MIT
#include "commands.hpp"

#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "text.hpp"

namespace {

constexpr std::string_view not_a_name = "a name is 1 to 24 letters, digits, - and _";

struct Speaker {
    Hall& hall;
    Guest& guest;

    void answer(std::string_view text) const { guest.hear(notice(text)); }
};

/// The first word, and what comes after it.
std::pair<std::string_view, std::string_view> split(std::string_view text) {
    const std::size_t end = text.find(' ');
    if (end == std::string_view::npos) {
        return {text, {}};
    }
    const std::size_t next = text.find_first_not_of(' ', end);
    return {text.substr(0, end), next == std::string_view::npos ? "" : text.substr(next)};
}

void change_name(const Speaker& speaker, std::string_view name) {
    if (!is_name(name)) {
        speaker.answer(not_a_name);
    } else if (!speaker.hall.rename(speaker.guest, name)) {
        speaker.answer(fmt::format("{} is taken", name));
    } else {
        speaker.answer(fmt::format("you are {}", name));
    }
}

void join(const Speaker& speaker, std::string_view room) {
    if (!is_name(room)) {
        speaker.answer(not_a_name);
    } else if (!speaker.hall.join(speaker.guest, room)) {
        speaker.answer("there are too many rooms");
    }
}

void leave(const Speaker& speaker, std::string_view /*rest*/) {
    speaker.answer(speaker.hall.part(speaker.guest, "left") ? "you are in no room now"
                                                            : "you are in no room");
}

void whisper(const Speaker& speaker, std::string_view rest) {
    const auto [name, text] = split(rest);
    Guest* to = speaker.hall.find(name);
    if (text.empty()) {
        speaker.answer("/msg NAME TEXT");
    } else if (to == nullptr) {
        speaker.answer(fmt::format("nobody here is {}", is_name(name) ? name : "that"));
    } else if (!to->hear(std::make_shared<const std::string>(
                   fmt::format("[{}] {}\r\n", speaker.guest.name(), text)))) {
        speaker.answer(fmt::format("{} is not reading; try again later", to->name()));
    } else {
        speaker.answer(fmt::format("{} was told", to->name()));
    }
}

void list_rooms(const Speaker& speaker, std::string_view /*rest*/) {
    speaker.answer(speaker.hall.rooms());
}

void list_guests(const Speaker& speaker, std::string_view /*rest*/) {
    speaker.answer(Hall::who(speaker.guest));
}

void help(const Speaker& speaker, std::string_view rest);

struct Command {
    std::string_view name;
    std::string_view usage;
    void (*run)(const Speaker& speaker, std::string_view rest);  // null: leave
};

constexpr std::array commands{
    Command{"/nick", "/nick NAME: who you want to be", change_name},
    Command{"/join", "/join ROOM: go there, from where you are", join},
    Command{"/leave", "/leave: go out of the room", leave},
    Command{"/rooms", "/rooms: which there are, and how many are in them", list_rooms},
    Command{"/who", "/who: who is in the room", list_guests},
    Command{"/msg", "/msg NAME TEXT: tell one and nobody else", whisper},
    Command{"/help", "/help: this", help},
    Command{"/quit", "/quit: good-bye", nullptr},
};

void help(const Speaker& speaker, std::string_view /*rest*/) {
    std::string text = "what you type is said in your room, but for";
    for (const Command& command : commands) {
        text += "\r\n*   ";
        text += command.usage;
    }
    speaker.answer(text);
}

}  // namespace

bool obey(Hall& hall, Guest& guest, std::string_view line) {
    const Speaker speaker{hall, guest};
    if (!line.starts_with('/')) {
        if (!line.empty() && !hall.say(guest, line)) {
            speaker.answer("nobody hears you: /join ROOM first");
        }
        return true;
    }
    const auto [word, rest] = split(line);
    for (const Command& command : commands) {
        if (command.name == word) {
            if (command.run == nullptr) {
                speaker.answer("good-bye");
                return false;
            }
            command.run(speaker, rest);
            return true;
        }
    }
    speaker.answer("no such command; /help lists them");
    return true;
}
