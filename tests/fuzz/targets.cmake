# Every fuzz target: targets/NAME.cpp, corpus/NAME/, the modules it needs, and its dictionary in dictionaries/, if any.
# A parser of bytes from outside belongs into this table.
set(MUSTER_FUZZ_TARGETS
  # name                     dictionary
  message_ack                -
  message_assignment         -
  message_audit_head         -
  message_chunk              -
  message_chunk_get          -
  message_directive          -
  message_envelope           -
  message_evidence           -
  evidence_bundle            -
  message_health_summary     -
  message_manifest           -
  message_release_move       -
  message_root_chain         -
  message_root_document      -
  message_state_report       -
  compact_verify             -
  open_signed                -
  root_chain                 -
  slot_manifest              -
  access                     topic
  topic                      topic
  text                       -
  base64                     -
  statsd                     statsd
  control_request            control
  rule_yaml                  rule
  release_yaml               release
  fleet_yaml                 fleet
  policy_yaml                policy
  release_evidence           evidence
  condition_text             condition
  condition_program          -
  agent_state                -
  agent_inbound              -
  mcu_mqtt                   -
  mcu_client                 -
  journal                    -
  engine_records             records
  store_records              -)
