// SPDX-License-Identifier: Apache-2.0
// Where the baseline of the invoking user lies: XDG Base Directory Specification, section 3 ("state").
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include "parse_number.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {
namespace {

constexpr const char* kFile = "/vpndoctor/baseline.jsonl";

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

struct Account {
  std::string name;
  std::string home;
};

Account account_of(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> space(1U << 16U);
  if (::getpwuid_r(uid, &entry, space.data(), space.size(), &found) != 0 || found == nullptr) return {};
  return {found->pw_name, found->pw_dir};
}

/// The user who typed sudo is whose machine it is; only root may say so.
void find_user(BaselinePlace& place) {
  place.uid = ::getuid();
  place.gid = ::getgid();
  const auto uid = parse_number<uid_t>(environment("SUDO_UID"));
  const auto gid = parse_number<gid_t>(environment("SUDO_GID"));
  if (::geteuid() != 0 || !uid || !gid || *uid == 0) return;
  place.uid = *uid;
  place.gid = *gid;
  place.through_sudo = true;
}

}  // namespace

uid_t invoking_user() {
  BaselinePlace place;
  find_user(place);
  return place.uid;
}

Result<BaselinePlace> baseline_place() {
  BaselinePlace place;
  find_user(place);
  const Account account = account_of(place.uid);
  place.user_name = account.name.empty() ? std::to_string(place.uid) : account.name;
  // A relative path is invalid by the specification and is not used.
  if (const auto state = environment("XDG_STATE_HOME"); state.starts_with('/')) {
    place.path = std::string(state) + kFile;
    return place;
  }
  std::string home = account.home;
  // sudo keeps root's HOME or the user's, as it is configured; the account is the same everywhere.
  if (const auto own = environment("HOME"); !place.through_sudo && own.starts_with('/')) home = own;
  if (!home.starts_with('/')) {
    return failure(ErrorKind::kUnavailable, "there is no home folder to keep a baseline in",
                   "name a file, or set XDG_STATE_HOME");
  }
  place.path = home + "/.local/state" + kFile;
  return place;
}

}  // namespace vpndoctor
