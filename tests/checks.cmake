# SPDX-License-Identifier: Apache-2.0
# Checks that are no unit tests: the command line, what is installed, what the layers call, the man pages, how the code
# is written.
set(checks ${CMAKE_CURRENT_SOURCE_DIR}/checks)

# A check is a script; it is given the source and the build folder, and exits 77 with a reason when it cannot run.
function(vpndoctor_check name label)
  add_test(NAME ${label}.${name} COMMAND bash ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${label}.${name} PROPERTIES LABELS ${label} TIMEOUT 300 SKIP_RETURN_CODE 77
                       ENVIRONMENT "SOURCE_DIR=${PROJECT_SOURCE_DIR};BUILD_DIR=${PROJECT_BINARY_DIR}")
endfunction()

vpndoctor_check(package install ${checks}/install.sh)
vpndoctor_check(multiarch install ${checks}/install_multiarch.sh)
vpndoctor_check(purity layers ${checks}/purity.sh)
vpndoctor_check(exports layers ${checks}/exports.sh)
vpndoctor_check(lint man ${checks}/man_lint.sh)
vpndoctor_check(options man ${checks}/man_options.sh)
vpndoctor_check(text style ${checks}/text.sh)
vpndoctor_check(format style ${checks}/format.sh)
vpndoctor_check(one_definition style -c "exec python3 ${checks}/one_definition.py")

file(GLOB cli_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/cli/test_*.py)
foreach(source ${cli_tests})
  get_filename_component(module ${source} NAME_WE)
  string(REPLACE "test_" "cli." name ${module})
  add_test(NAME ${name} COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/cli/run.py ${module}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS cli TIMEOUT 300 SKIP_RETURN_CODE 77
                       ENVIRONMENT "SOURCE_DIR=${PROJECT_SOURCE_DIR};BUILD_DIR=${PROJECT_BINARY_DIR}")
endforeach()

# Real DNS daemons run in private namespaces, unpacked into the build folder by dns/unpack.sh.
add_executable(vpndoctor-dns-expect dns/expect.cc)
target_include_directories(vpndoctor-dns-expect PRIVATE ${PROJECT_SOURCE_DIR}/lib)
target_link_libraries(vpndoctor-dns-expect PRIVATE vpndoctor_lib)
file(GLOB dns_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/dns/test_*.py)
foreach(source ${dns_tests})
  get_filename_component(module ${source} NAME_WE)
  string(REPLACE "test_" "dns." name ${module})
  add_test(NAME ${name} COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/dns/run.py ${module}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS dns TIMEOUT 300 SKIP_RETURN_CODE 77
                       ENVIRONMENT "SOURCE_DIR=${PROJECT_SOURCE_DIR};BUILD_DIR=${PROJECT_BINARY_DIR}")
endforeach()

# Hundreds of configurations: some two minutes, and more beside others.
set_tests_properties(dns.resolved_matrix PROPERTIES TIMEOUT 900)

# Real VPN programs crash in private namespaces, and the tool mends what they leave.
add_test(NAME crash.restore COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/crash/run.py
         WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
set_tests_properties(crash.restore PROPERTIES LABELS lab TIMEOUT 300 SKIP_RETURN_CODE 77
                     ENVIRONMENT "SOURCE_DIR=${PROJECT_SOURCE_DIR};BUILD_DIR=${PROJECT_BINARY_DIR}")

# Real VPN programs and leaks, one test for each file.
file(GLOB leak_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/leaks/test_*.py)
foreach(source ${leak_tests})
  get_filename_component(module ${source} NAME_WE)
  string(REPLACE "test_" "leaks." name ${module})
  add_test(NAME ${name} COMMAND python3 ${CMAKE_CURRENT_SOURCE_DIR}/leaks/run.py ${module}
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES LABELS leaks TIMEOUT 300 SKIP_RETURN_CODE 77
                       ENVIRONMENT "SOURCE_DIR=${PROJECT_SOURCE_DIR};BUILD_DIR=${PROJECT_BINARY_DIR}")
endforeach()

# One test for each file, so that ctest runs them side by side.
file(GLOB_RECURSE tidied CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/lib/*.cc
     ${PROJECT_SOURCE_DIR}/probes/*.cc ${PROJECT_SOURCE_DIR}/reports/*.cc ${PROJECT_SOURCE_DIR}/tools/*.cc)
foreach(source ${tidied})
  vpndoctor_check(tidy.${source} style ${checks}/tidy.sh ${source})
endforeach()
