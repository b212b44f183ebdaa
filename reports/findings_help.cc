// SPDX-License-Identifier: Apache-2.0
// What findings mean and what to do about them: each with its own steps, and those of notices apart.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "findings_text.h"
#include "leaks_text_parts.h"
#include "shell.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

std::string system_text(const std::string& os) {
  if (os == "linux") return "Linux:";
  if (os == "macos") return "macOS:";
  if (os == "wireguard") return "WireGuard, [Interface]:";
  if (os == "openvpn") return "OpenVPN:";
  return os + ":";
}

std::vector<RemedyStep> steps_of(const Finding& finding) {
  const Remedy& remedy = finding.remedy;
  if (!remedy.steps.empty()) return remedy.steps;
  if (remedy.summary.empty() && remedy.commands.empty()) return {};
  return {{remedy.summary.empty() ? finding.title : remedy.summary, remedy.commands}};
}

/// What a person is told of one finding, without what was said of those before it.
struct Help {
  const Finding* finding = nullptr;
  std::string meaning;
  std::vector<RemedyStep> steps;
  /// Codes of those before it that asked for all of its steps; empty: it has its own, or none.
  std::set<std::string> mended_with;
  std::vector<std::string>
      alike;  ///< subjects of others that ask for the same kinds of steps; theirs are among `steps`
  bool is_empty() const { return meaning.empty() && steps.empty() && mended_with.empty(); }
};

/// Takes a report's findings in their order. Those with the same cause ask for the same: what was said before in all
/// its steps is left out, and never a part, since one step may be the alternative to another.
class HelpSoFar {
 public:
  Help take(const Finding& finding) {
    Help help{&finding, {}, {}, {}, {}};
    if (meanings_.insert(finding.detail).second) help.meaning = finding.detail;
    help.steps = steps_of(finding);
    bool is_said = true;
    for (const RemedyStep& step : help.steps) {
      for (const Request& each : requests_of(step)) {
        const auto [said, is_new] = requests_.try_emplace(each, finding.code);
        if (is_new) is_said = false;
        help.mended_with.insert(said->second);
      }
    }
    if (is_said) help.steps.clear();
    if (!is_said || help.mended_with == std::set{finding.code}) help.mended_with.clear();
    return help;
  }

 private:
  /// A command with its system, or a sentence without.
  using Request = std::pair<std::string, std::vector<std::string>>;

  static std::vector<Request> requests_of(const RemedyStep& step) {
    if (step.commands.empty()) return {{"", {step.summary}}};
    std::vector<Request> requests;
    requests.reserve(step.commands.size());
    for (const Command& each : step.commands) requests.emplace_back(each.os, each.argv);
    return requests;
  }

  std::set<std::string> meanings_;
  std::map<Request, std::string> requests_;  ///< by the code that was the first to ask
};

bool is_word(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// The sentence with other words in the place of the finding's subject.
std::string with_subject(std::string sentence, const std::string& subject, const std::string& words) {
  for (std::size_t at = sentence.find(subject); !subject.empty() && at != std::string::npos;
       at = sentence.find(subject, at)) {
    const std::size_t end = at + subject.size();
    const bool is_whole =
        (at == 0 || !is_word(sentence[at - 1])) && (end == sentence.size() || !is_word(sentence[end]));
    if (is_whole) sentence.replace(at, subject.size(), words);
    at += is_whole ? words.size() : subject.size();
  }
  return sentence;
}

std::string subject_of(const Help& help) { return escape_controls(help.finding->subject.id); }

/// What is equal for findings that ask for the same of different subjects; empty: it asks for nothing of its own.
std::string kind_of(const Help& help) {
  if (help.steps.empty()) return {};
  std::string kind = fmt::format("{} {}", help.finding->code, severity_name(help.finding->severity));
  for (const RemedyStep& step : help.steps) kind += "\n" + with_subject(step.summary, subject_of(help), "\t");
  return kind;
}

/// Adds the commands of a finding to those of the first one of its kind, each once.
void add_commands(const Help& from, Help& to) {
  for (std::size_t i = 0; i < to.steps.size(); ++i) {
    std::vector<Command>& all = to.steps[i].commands;
    for (const Command& command : from.steps[i].commands) {
      const auto is_it = [&](const Command& each) { return each.os == command.os && each.argv == command.argv; };
      if (std::ranges::none_of(all, is_it)) all.push_back(command);
    }
  }
}

/// Says once what many findings ask for that differ in their subject alone; a few are told one by one.
std::vector<Help> told_together(std::vector<Help> helps) {
  constexpr std::size_t kMostApart = 3;
  std::map<std::string, std::size_t> counts;
  for (const Help& help : helps) ++counts[kind_of(help)];
  std::map<std::string, std::size_t> places;
  std::vector<Help> together;
  for (Help& help : helps) {
    const std::string kind = kind_of(help);
    const bool is_apart = kind.empty() || counts[kind] <= kMostApart;
    if (is_apart || places.try_emplace(kind, together.size()).second) {
      together.push_back(std::move(help));
      continue;
    }
    Help& first = together[places[kind]];
    first.alike.push_back(subject_of(help));
    add_commands(help, first);
  }
  return together;
}

constexpr std::size_t kMostAlike = 3;

/// Of several findings the steps are those of all subjects.
void name_all_subjects(Help& help) {
  if (help.alike.empty()) return;
  std::vector<std::string> names{subject_of(help)};
  names.insert(names.end(), help.alike.begin(), help.alike.end());
  for (RemedyStep& step : help.steps) {
    step.summary = with_subject(step.summary, names.front(), names_text(names, kMostAlike));
  }
}

/// The steps of notices come behind all that is needed, and never among it.
struct Helps {
  std::vector<Help> needed;
  std::vector<Help> worth_knowing;
};

Helps helps_of(const std::vector<Finding>& findings) {
  Helps helps;
  HelpSoFar so_far;
  const auto add = [&](bool is_notice, std::vector<Help>& to) {
    for (const Finding& finding : findings) {
      if ((finding.severity == Severity::kNotice) != is_notice) continue;
      if (Help help = so_far.take(finding); !help.is_empty()) to.push_back(std::move(help));
    }
  };
  add(false, helps.needed);
  add(true, helps.worth_knowing);
  for (std::vector<Help>* all : {&helps.needed, &helps.worth_knowing}) {
    *all = told_together(std::move(*all));
    std::ranges::for_each(*all, name_all_subjects);
  }
  // A notice that is alone is what there is to say.
  if (helps.needed.empty() && helps.worth_knowing.size() == 1) std::swap(helps.needed, helps.worth_knowing);
  return helps;
}

constexpr std::size_t kMostSteps = 50;  ///< nobody reads more of them

constexpr std::size_t kMostCommands = 50;  ///< of a step

void write_more(std::size_t count, Page& page, std::size_t indent = 2) {
  page.paragraph(fmt::format("and {} more; --verbose lists them", count), indent, Style::kQuiet);
}

/// Commands are for Linux where nothing else is said. Lines of a configuration share a line with its name.
void write_commands(const std::vector<Command>& commands, std::size_t indent, Page& page) {
  std::string system = "linux";
  const std::size_t shown = page.verbose() ? commands.size() : std::min(commands.size(), kMostCommands);
  for (const Command& command : std::span(commands).first(shown)) {
    if (is_configuration(command)) {
      page.paragraph(fmt::format("{} {}", system_text(command.os), fmt::join(command.argv, " ")), indent);
      continue;
    }
    if (system != command.os) page.paragraph(system_text(command.os), indent, Style::kQuiet);
    system = command.os;
    page.command(command, indent);
  }
  if (commands.size() > shown) write_more(commands.size() - shown, page, indent);
}

/// Writes steps behind their numbers, the first of which is `first`, with their commands below their sentences.
void write_numbered(const std::vector<RemedyStep>& steps, std::size_t first, Page& page) {
  const std::size_t shown = page.verbose() ? steps.size() : std::min(steps.size(), kMostSteps);
  for (std::size_t i = 0; i < shown; ++i) {
    const std::size_t column = page.step(first + i, steps[i].summary);
    write_commands(steps[i].commands, column, page);
  }
  if (steps.size() > shown) write_more(steps.size() - shown, page);
}

/// Of one finding alone, which the headline has told: no more than what it means and what to do.
void write_single(const Help& help, Page& page) {
  if (!help.meaning.empty()) {
    page.heading("What it means");
    page.item(help.meaning);
  }
  if (help.steps.empty()) return;
  page.heading("What to do");
  write_numbered(help.steps, 1, page);
}

void write_label(const Help& help, Page& page) {
  const Finding& finding = *help.finding;
  page.paragraph(fmt::format("{} {}: {}", finding.code, severity_name(finding.severity), qualified_title(finding)), 2,
                 severity_style(finding.severity));
  if (!help.alike.empty()) {
    page.paragraph(fmt::format("So it is with {} more: {}.", help.alike.size(), names_text(help.alike, kMostAlike)), 4);
  }
  if (!help.meaning.empty()) page.paragraph(help.meaning, 4);
  if (help.mended_with.empty()) return;
  page.paragraph(fmt::format("What mends {} mends this.", fmt::join(help.mended_with, " and ")), 4);
}

/// Each finding with its own steps, numbered throughout, so that a step can be named to somebody.
void write_needed(const std::vector<Help>& helps, Page& page) {
  if (helps.empty()) return;
  if (helps.size() == 1 && helps.front().alike.empty()) return write_single(helps.front(), page);
  page.heading("What it means, and what to do");
  std::size_t number = 1;
  for (std::size_t i = 0; i < helps.size(); ++i) {
    if (!page.verbose() && (i == kMostSteps || number > kMostSteps)) return write_more(helps.size() - i, page);
    if (i != 0) page.blank_line();
    write_label(helps[i], page);
    write_numbered(helps[i].steps, number, page);
    number += helps[i].steps.size();
  }
}

/// Nothing here has to be done: the steps have no numbers.
void write_notices(const std::vector<Help>& helps, Page& page) {
  if (helps.empty()) return;
  page.heading("Worth knowing");
  const std::size_t shown = page.verbose() ? helps.size() : std::min(helps.size(), kMostSteps);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i != 0) page.blank_line();
    write_label(helps[i], page);
    for (const RemedyStep& step : helps[i].steps) {
      page.item(step.summary, 4);
      write_commands(step.commands, 6, page);
    }
  }
  if (helps.size() > shown) write_more(helps.size() - shown, page);
}

}  // namespace

void write_steps(std::string_view heading, const std::vector<RemedyStep>& steps, Page& page) {
  if (steps.empty()) return;
  page.heading(heading);
  write_numbered(steps, 1, page);
}

void write_needed_help(const std::vector<Finding>& findings, Page& page) {
  write_needed(helps_of(findings).needed, page);
}

void write_worth_knowing(const std::vector<Finding>& findings, Page& page) {
  write_notices(helps_of(findings).worth_knowing, page);
}

}  // namespace vpndoctor
