// SPDX-License-Identifier: Apache-2.0
// Resolver configurations of macOS drawn at random, and printed as `scutil --dns` prints them (configd,
// dnsinfo/dnsinfo_logging.h). Written from the printer's grammar; shares nothing with the reader that it tests.
#pragma once

#include <random>
#include <string>

#include "vpndoctor/dns_configuration.h"

namespace vpndoctor::testing_support {

/// Draws a configuration that macOS can have; numbers count within their section.
MacosDns random_macos_dns(std::mt19937_64& random);

/// A name of the few labels that the configurations are made of, so that domains often fit.
std::string random_macos_name(std::mt19937_64& random);

struct DumpForm {
  bool debug = false;         ///< scutil -d --dns: flags in hexadecimal, a configuration id
  bool old_reach = false;     ///< no hexadecimal number before the words
  bool left_aligned = false;  ///< the blanks in front were lost when it was pasted
  std::string line_end = "\n";
};

std::string print_scutil_dns(const MacosDns& dns, const DumpForm& form = {});

}  // namespace vpndoctor::testing_support
