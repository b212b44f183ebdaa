# SPDX-License-Identifier: Apache-2.0
# One ctest for each scenario file: a new scenario is a new file. One at a time, since their delays are part of them.
if(TARGET vpndoctor-lab AND TARGET vpndoctor-tool)
  file(GLOB scenarios CONFIGURE_DEPENDS lab/scenarios/*.json)
  foreach(scenario ${scenarios})
    get_filename_component(name ${scenario} NAME_WE)
    add_test(NAME lab.${name} COMMAND vpndoctor-lab test --tool $<TARGET_FILE:vpndoctor-tool> ${scenario})
    set_tests_properties(lab.${name} PROPERTIES LABELS lab RUN_SERIAL ON TIMEOUT 120 SKIP_RETURN_CODE 77)
  endforeach()
endif()
