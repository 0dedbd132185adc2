//! The built programs on the test bed. One binary, so that one API server serves the whole run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases {
    mod bench;
    mod bundle;
    mod cli;
    mod completion;
    mod completion_shells;
    mod create_azure;
    mod create_azure_faults;
    mod create_cluster;
    mod create_cluster_faults;
    mod create_cluster_secrets;
    mod create_cluster_wait;
    mod create_golden;
    mod create_ground;
    mod create_inputs;
    mod create_managed;
    mod create_oidc;
    mod create_pool;
    mod create_spec_file;
    mod create_stage;
    mod day2;
    mod day2_upgrade;
    mod destroy;
    mod destroy_cluster;
    mod destroy_cluster_faults;
    mod destroy_oidc;
    mod destroy_orphans;
    mod doctor;
    mod doctor_exchange;
    mod doctor_fleet;
    mod doctor_governance;
    mod doctor_guest;
    mod doctor_host;
    mod doctor_html;
    mod doctor_names;
    mod doctor_network;
    mod doctor_outputs;
    mod doctor_plane;
    mod doctor_quota;
    mod doctor_release;
    mod house;
    mod krew;
    mod record;
    mod release;
    mod render;
    mod standalone;
    mod status;
    mod status_stories;
    mod supply_chain;
    mod ux;
}
