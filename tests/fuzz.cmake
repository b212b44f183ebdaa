# SPDX-License-Identifier: Apache-2.0
# One binary for each fuzz/NAME_fuzzer.cc. With clang it is a libFuzzer program; with GCC a driver replays the seeds in
# fuzz/corpus/NAME, cut short everywhere and mutated a fixed number of times, so that every test run exercises it.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_library(fuzz_replay OBJECT fuzz/driver/replay.cc)
  target_link_libraries(fuzz_replay PUBLIC fmt::fmt)
endif()

add_custom_target(fuzzers)
file(GLOB fuzz_sources CONFIGURE_DEPENDS fuzz/*.cc)
foreach(source ${fuzz_sources})
  get_filename_component(binary ${source} NAME_WE)
  string(REGEX REPLACE "_fuzzer$" "" subject ${binary})
  add_executable(${binary} ${source})
  add_dependencies(fuzzers ${binary})
  set_target_properties(${binary} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin/fuzz)
  target_include_directories(${binary} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/lib
                                               ${PROJECT_SOURCE_DIR}/probes ${PROJECT_SOURCE_DIR}/reports)
  target_link_libraries(${binary} PRIVATE vpndoctor_lib vpndoctor_probes vpndoctor_reports
                                          PkgConfig::NL3 PkgConfig::NLGENL3 PkgConfig::PCAP)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(${binary} PRIVATE -fsanitize=fuzzer)
    target_link_options(${binary} PRIVATE -fsanitize=fuzzer)
    set(arguments -runs=20000 -seed=1)
  else()
    target_link_libraries(${binary} PRIVATE fuzz_replay)
    set(arguments)
  endif()
  set(seeds ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${subject})
  add_test(NAME fuzz.${subject} COMMAND ${binary} ${arguments} ${seeds})
  set_tests_properties(fuzz.${subject} PROPERTIES LABELS fuzz TIMEOUT 120)
endforeach()
