// SPDX-License-Identifier: Apache-2.0
// Reads a file of configuration whole or says why not. Below a folder that stands for another machine's root, links
// stay inside of it. Knows no format.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "handles.h"

namespace vpndoctor {

/// A program's file of settings is far below; a file that is larger is none.
inline constexpr std::size_t kMostConfigurationBytes = 64U << 10U;

struct WholeFile {
  std::optional<std::string> content;  ///< of /dev/null: empty
  bool is_absent = false;              ///< there is no such file, also behind a link that leads nowhere
  bool is_null_device = false;
  std::string why_missing;  ///< a phrase that goes after "because"
};

/// Reads `path` below `root` (empty: the machine's own). A FIFO or a device is not read.
WholeFile read_whole_file(const std::string& root, const std::string& path,
                          std::size_t most_bytes = kMostConfigurationBytes);

/// Opens `path` below `root` with open(2)'s flags; errno is set when there is no descriptor.
Fd open_below(const std::string& root, const std::string& path, int flags);

/// Where `path` leads below `root` when all links are followed; empty: nowhere.
std::string real_path_below(const std::string& root, const std::string& path);

}  // namespace vpndoctor
