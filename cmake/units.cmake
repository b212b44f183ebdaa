# SPDX-License-Identifier: Apache-2.0
# Units: files of one subject, compiled or checked as one source. The headers that every file includes are then read
# once a unit. Names in unnamed namespaces must differ within a unit; a build without units, as cmake makes it when it is
# not asked, shows that each file stands alone.

# linux/tcp.h has more than netinet/tcp.h, which libnl includes, and goes with it in no order.
set(vpndoctor_alone "probes/tcp_status.cc")
# linux/bpf.h and libpcap define the same structure.
list(APPEND vpndoctor_alone "probes/other_filters.cc")
# linux/icmp.h and netinet/ip_icmp.h define the same structure, and the first does not go with net/if.h.
list(APPEND vpndoctor_alone "probes/dns_socket.cc")
# Has a macro of its own.
list(APPEND vpndoctor_alone "lib/version.cc")

# Sets unit_NUMBER, a list of files, for NUMBER from 0 to last_unit. A unit is some neighbours by name; files whose names
# begin with the same word stay together where they are not too many, so that a new file changes few units.
function(vpndoctor_units sources)
  set(most 32)
  set(enough 16)
  set(alone ${sources})
  list(SORT sources)
  list(JOIN vpndoctor_alone "|" pattern)
  list(FILTER sources EXCLUDE REGEX "(${pattern})$")
  list(FILTER alone INCLUDE REGEX "(${pattern})$")
  set(number -1)
  set(count ${most})
  foreach(source ${sources})
    string(REGEX MATCH "^(.*/)?[^_./]+" subject ${source})
    if(count EQUAL most OR (count GREATER_EQUAL enough AND NOT subject STREQUAL last_subject))
      math(EXPR number "${number} + 1")
      set(count 0)
      set(unit_${number})
    endif()
    list(APPEND unit_${number} ${source})
    set(unit_${number} ${unit_${number}} PARENT_SCOPE)
    math(EXPR count "${count} + 1")
    set(last_subject ${subject})
  endforeach()
  foreach(source ${alone})
    math(EXPR number "${number} + 1")
    set(unit_${number} ${source} PARENT_SCOPE)
  endforeach()
  set(last_unit ${number} PARENT_SCOPE)
endfunction()

# Compiles a target's sources in units.
function(vpndoctor_compile_in_units target)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cc$")
  vpndoctor_units("${sources}")
  foreach(number RANGE ${last_unit})
    set_source_files_properties(${unit_${number}} PROPERTIES UNITY_GROUP ${number})
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # To GCC a file that is included is a header, whose types should not hold those of an unnamed namespace.
  target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endfunction()
