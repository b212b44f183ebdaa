// SPDX-License-Identifier: Apache-2.0
// Writes the registry as text and as mdoc. Invents nothing: every sentence is the registry's.
#include "vpndoctor/codes_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "page.h"

namespace vpndoctor {
namespace {

/// Escapes what roff would read as a request or a macro.
std::string roff_line(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

/// One sentence a line, as mdoc wants it: a full stop inside a line would get the spacing of a word.
std::string roff_paragraph(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t stop = text.find(". ");
    const std::size_t length = stop == std::string_view::npos ? text.size() : stop + 1;
    out += roff_line(text.substr(0, length)) + "\n";
    text.remove_prefix(length);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  return out;
}

std::string entry_mdoc(const CodeEntry& entry) {
  return fmt::format(".It Sy {} {} Pq {}\n{}.Pp\n{}", entry.code, roff_line(entry.slug), severity_name(entry.severity),
                     roff_paragraph(fmt::format("{}.", entry.title)), roff_paragraph(entry.explanation));
}

constexpr const char* kPageTop = R"(.\" SPDX-License-Identifier: Apache-2.0
.\" Made from the registry of codes; a test compares this page with it.
.Dd November 20, 2026
.Dt VPNDOCTOR-CODES 7
.Os
.Sh NAME
.Nm vpndoctor-codes
.Nd what the finding codes of vpndoctor mean
.Sh DESCRIPTION
Each finding of
.Xr vpndoctor 1
has a code, which is never renumbered or reused, and a name.
.Ql vpndoctor explain
shows the same texts.
.Pp
The severity given here is the usual one.
An
.Em error
breaks traffic or lets it out in clear, a
.Em warning
tells of what will break or of what leaks less, and a
.Em notice
is something that one should know.
.Bl -tag -width Ds
)";

constexpr const char* kPageBottom = R"(.El
.Sh SEE ALSO
.Xr vpndoctor 1 ,
.Xr vpndoctor-mtu 1
)";

}  // namespace

std::string render_code_text(const CodeEntry& entry, const TextOptions& options) {
  Page page(options);
  page.paragraph(fmt::format("{} ({}), {}", entry.code, entry.slug, severity_name(entry.severity)), 0, Style::kStrong);
  page.paragraph(fmt::format("{}.", entry.title), 0);
  if (options.quiet) return page.text();
  page.blank_line();
  page.paragraph(entry.explanation, 0);
  return page.text();
}

std::string render_code_list(const TextOptions& options) {
  StyledTable table;
  table.table.columns = {{"code"}, {"severity"}, {"meaning", false, true}};
  for (const CodeEntry& entry : all_codes()) {
    table.table.rows.push_back({std::string(entry.code), severity_name(entry.severity), std::string(entry.title)});
  }
  Page page(options);
  page.table(table, 0);
  return page.text();
}

std::string render_codes_mdoc() {
  std::string page = kPageTop;
  for (const CodeEntry& entry : all_codes()) page += entry_mdoc(entry);
  return page + kPageBottom;
}

}  // namespace vpndoctor
