// SPDX-License-Identifier: Apache-2.0
// The error type of the whole project. A fact about the world ("no answer", "permission denied while
// reading a facet") is not an error: it is recorded where it was observed.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace [[gnu::visibility("default")]] vpndoctor {

/// What kind of answer the user needs; decides the exit code (see exit_code()) and JSON `error.kind`.
enum class ErrorKind {
  kUsage,        ///< the command line, or a file it names, is wrong: exit 2
  kUnknownHost,  ///< a name that does not resolve: exit 3
  kNoRoute,      ///< this machine has no way to the address: exit 3
  kPermission,   ///< a privilege is missing and there is no way without it: exit 3
  kUnavailable,  ///< the system does not offer what is needed: exit 3
  kInternal,     ///< a defect of vpndoctor: exit 4
};

/// Says what was being done and to what, in lower case and without a full stop; `hint` says what to do.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;
  std::string hint;  ///< empty when there is nothing to advise
};

template <class T>
using Result = std::expected<T, Error>;

/// Builds the failed half of a Result: `return failure(ErrorKind::kUsage, "...")`.
inline std::unexpected<Error> failure(ErrorKind kind, std::string message, std::string hint = {}) {
  return std::unexpected(Error{kind, std::move(message), std::move(hint)});
}

/// Returns the word that JSON uses for `error.kind`, e.g. "unknown_host".
const char* error_kind_name(ErrorKind kind);

}  // namespace vpndoctor
