//! The list of checks. GENERATED from the files below `check/` by the test `the_registry_lists_every_check_file`:
//! run `cargo test -p checks` after adding a file.

use crate::check::Check;

#[path = "check/ar01_keyvault_spc.rs"]
mod ar01_keyvault_spc;
#[path = "check/ar02_spc_mounts.rs"]
mod ar02_spc_mounts;
#[path = "check/ar03_msi_expiry.rs"]
mod ar03_msi_expiry;
#[path = "check/ar04_kv_network.rs"]
mod ar04_kv_network;
#[path = "check/bn01_bundle_evidence.rs"]
mod bn01_bundle_evidence;
#[path = "check/bn02_bundle_secrets.rs"]
mod bn02_bundle_secrets;
#[path = "check/cr01_azure_login.rs"]
mod cr01_azure_login;
#[path = "check/cr02_caller_permissions.rs"]
mod cr02_caller_permissions;
#[path = "check/cr03_creds_file_shape.rs"]
mod cr03_creds_file_shape;
#[path = "check/cr04_sp_secret_expiry.rs"]
mod cr04_sp_secret_expiry;
#[path = "check/cr05_clock_skew.rs"]
mod cr05_clock_skew;
#[path = "check/cr06_policy_restrictions.rs"]
mod cr06_policy_restrictions;
#[path = "check/cr07_resource_locks.rs"]
mod cr07_resource_locks;
#[path = "check/cr08_arm_throttle.rs"]
mod cr08_arm_throttle;
#[path = "check/dn01_base_zone_delegated.rs"]
mod dn01_base_zone_delegated;
#[path = "check/dn02_api_record_resolves.rs"]
mod dn02_api_record_resolves;
#[path = "check/dn03_private_zone_shadow.rs"]
mod dn03_private_zone_shadow;
#[path = "check/dn04_apps_wildcard.rs"]
mod dn04_apps_wildcard;
#[path = "check/dn05_extdns_owner.rs"]
mod dn05_extdns_owner;
#[path = "check/dn06_extdns_throttled.rs"]
mod dn06_extdns_throttled;
#[path = "check/dn07_extdns_health.rs"]
mod dn07_extdns_health;
#[path = "check/dn08_private_zone_linked.rs"]
mod dn08_private_zone_linked;
#[path = "check/fc01_fic_subjects_complete.rs"]
mod fc01_fic_subjects_complete;
#[path = "check/fc02_fic_issuer_exact.rs"]
mod fc02_fic_issuer_exact;
#[path = "check/fc03_fic_audience_exact.rs"]
mod fc03_fic_audience_exact;
#[path = "check/fc04_fic_token_exchange.rs"]
mod fc04_fic_token_exchange;
#[path = "check/fc05_aadsts_in_logs.rs"]
mod fc05_aadsts_in_logs;
#[path = "check/fc06_fic_write_plan.rs"]
mod fc06_fic_write_plan;
#[path = "check/hc01_hc_conditions.rs"]
mod hc01_hc_conditions;
#[path = "check/hc02_api_reachable.rs"]
mod hc02_api_reachable;
#[path = "check/hc03_cp_components.rs"]
mod hc03_cp_components;
#[path = "check/hc04_token_minters.rs"]
mod hc04_token_minters;
#[path = "check/hc05_capi_infra.rs"]
mod hc05_capi_infra;
#[path = "check/hc06_etcd.rs"]
mod hc06_etcd;
#[path = "check/hc07_certs_expiry.rs"]
mod hc07_certs_expiry;
#[path = "check/hc08_kms_runtime.rs"]
mod hc08_kms_runtime;
#[path = "check/hc09_konnectivity.rs"]
mod hc09_konnectivity;
#[path = "check/hc10_spec_vs_azure.rs"]
mod hc10_spec_vs_azure;
#[path = "check/hc11_clusteroperators.rs"]
mod hc11_clusteroperators;
#[path = "check/hc12_reconcile_paused.rs"]
mod hc12_reconcile_paused;
#[path = "check/hc13_guest_credentials.rs"]
mod hc13_guest_credentials;
#[path = "check/hc14_upgrade_progress.rs"]
mod hc14_upgrade_progress;
#[path = "check/hc15_guest_webhooks.rs"]
mod hc15_guest_webhooks;
#[path = "check/id01_identities_resolve.rs"]
mod id01_identities_resolve;
#[path = "check/id02_optional_identities.rs"]
mod id02_optional_identities;
#[path = "check/id03_identity_reuse.rs"]
mod id03_identity_reuse;
#[path = "check/id04_identity_drift.rs"]
mod id04_identity_drift;
#[path = "check/id05_identity_region.rs"]
mod id05_identity_region;
#[path = "check/mc01_operator_ready.rs"]
mod mc01_operator_ready;
#[path = "check/mc02_release_supported.rs"]
mod mc02_release_supported;
#[path = "check/mc03_pull_secret.rs"]
mod mc03_pull_secret;
#[path = "check/mc04_release_image_arch.rs"]
mod mc04_release_image_arch;
#[path = "check/mc05_capacity.rs"]
mod mc05_capacity;
#[path = "check/mc06_mc_health.rs"]
mod mc06_mc_health;
#[path = "check/mc08_cpo_override.rs"]
mod mc08_cpo_override;
#[path = "check/np01_np_conditions.rs"]
mod np01_np_conditions;
#[path = "check/np02_machine_chain.rs"]
mod np02_machine_chain;
#[path = "check/np03_np_version_skew.rs"]
mod np03_np_version_skew;
#[path = "check/np04_ignition.rs"]
mod np04_ignition;
#[path = "check/np05_node_csr.rs"]
mod np05_node_csr;
#[path = "check/np06_boot_serial.rs"]
mod np06_boot_serial;
#[path = "check/np07_image_and_disk.rs"]
mod np07_image_and_disk;
#[path = "check/np08_autoscaler.rs"]
mod np08_autoscaler;
#[path = "check/np09_stuck_delete.rs"]
mod np09_stuck_delete;
#[path = "check/np10_vm_node_diff.rs"]
mod np10_vm_node_diff;
#[path = "check/np11_mhc_blocked.rs"]
mod np11_mhc_blocked;
#[path = "check/nw01_vnet_subnet_valid.rs"]
mod nw01_vnet_subnet_valid;
#[path = "check/nw02_nsg_egress.rs"]
mod nw02_nsg_egress;
#[path = "check/nw03_outbound_path.rs"]
mod nw03_outbound_path;
#[path = "check/nw04_subnet_ip_capacity.rs"]
mod nw04_subnet_ip_capacity;
#[path = "check/nw05_cidr_overlap.rs"]
mod nw05_cidr_overlap;
#[path = "check/nw06_nsg_ingress_lb.rs"]
mod nw06_nsg_ingress_lb;
#[path = "check/nw07_udr_firewall.rs"]
mod nw07_udr_firewall;
#[path = "check/nw08_outbound_lb_shape.rs"]
mod nw08_outbound_lb_shape;
#[path = "check/nw09_pls_nat_subnet.rs"]
mod nw09_pls_nat_subnet;
#[path = "check/nw10_pls_chain.rs"]
mod nw10_pls_chain;
#[path = "check/nw11_pls_operator_config.rs"]
mod nw11_pls_operator_config;
#[path = "check/nw12_egress_probe.rs"]
mod nw12_egress_probe;
#[path = "check/nw13_network_limits.rs"]
mod nw13_network_limits;
#[path = "check/oi01_oidc_docs_public.rs"]
mod oi01_oidc_docs_public;
#[path = "check/oi02_oidc_issuer_equal.rs"]
mod oi02_oidc_issuer_equal;
#[path = "check/oi03_oidc_key_match.rs"]
mod oi03_oidc_key_match;
#[path = "check/oi04_oidc_storage_access.rs"]
mod oi04_oidc_storage_access;
#[path = "check/oi05_signing_key_secret.rs"]
mod oi05_signing_key_secret;
#[path = "check/oi06_guest_token_claims.rs"]
mod oi06_guest_token_claims;
#[path = "check/oi07_issuer_shared.rs"]
mod oi07_issuer_shared;
#[path = "check/or01_orphan_role_assignments.rs"]
mod or01_orphan_role_assignments;
#[path = "check/or02_orphan_groups.rs"]
mod or02_orphan_groups;
#[path = "check/or03_orphan_dns.rs"]
mod or03_orphan_dns;
#[path = "check/or04_stuck_finalizer.rs"]
mod or04_stuck_finalizer;
#[path = "check/or05_destroy_inputs.rs"]
mod or05_destroy_inputs;
#[path = "check/or06_orphan_identities.rs"]
mod or06_orphan_identities;
#[path = "check/qt01_rp_registered.rs"]
mod qt01_rp_registered;
#[path = "check/qt02_encryption_at_host_feature.rs"]
mod qt02_encryption_at_host_feature;
#[path = "check/qt03_sku_available.rs"]
mod qt03_sku_available;
#[path = "check/qt04_vcpu_quota.rs"]
mod qt04_vcpu_quota;
#[path = "check/qt05_autoscale_headroom.rs"]
mod qt05_autoscale_headroom;
#[path = "check/qt06_network_quota.rs"]
mod qt06_network_quota;
#[path = "check/qt07_snat_capacity.rs"]
mod qt07_snat_capacity;
#[path = "check/qt08_role_assignment_quota.rs"]
mod qt08_role_assignment_quota;
#[path = "check/qt09_name_limits.rs"]
mod qt09_name_limits;
#[path = "check/ra01_role_required.rs"]
mod ra01_role_required;
#[path = "check/ra02_effective_permissions.rs"]
mod ra02_effective_permissions;
#[path = "check/ra03_kms_crypto_user.rs"]
mod ra03_kms_crypto_user;
#[path = "check/ra04_role_name_collision.rs"]
mod ra04_role_name_collision;
#[path = "check/ra05_role_propagation.rs"]
mod ra05_role_propagation;
#[path = "check/ra06_role_hygiene.rs"]
mod ra06_role_hygiene;

/// Every check, in the order of the report.
pub static CHECKS: &[&Check] = &[
    &cr01_azure_login::AZURE_LOGIN,
    &cr02_caller_permissions::CALLER_PERMISSIONS,
    &cr03_creds_file_shape::CREDS_FILE_SHAPE,
    &cr04_sp_secret_expiry::SP_SECRET_EXPIRY,
    &cr05_clock_skew::CLOCK_SKEW,
    &cr06_policy_restrictions::POLICY_RESTRICTIONS,
    &cr07_resource_locks::RESOURCE_LOCKS,
    &cr08_arm_throttle::ARM_THROTTLE,
    &qt01_rp_registered::RP_REGISTERED,
    &qt02_encryption_at_host_feature::ENCRYPTION_AT_HOST_FEATURE,
    &qt03_sku_available::SKU_AVAILABLE,
    &qt04_vcpu_quota::VCPU_QUOTA,
    &qt05_autoscale_headroom::AUTOSCALE_HEADROOM,
    &qt06_network_quota::NETWORK_QUOTA,
    &qt07_snat_capacity::SNAT_CAPACITY,
    &qt08_role_assignment_quota::ROLE_ASSIGNMENT_QUOTA,
    &qt09_name_limits::NAME_LIMITS,
    &id01_identities_resolve::IDENTITIES_RESOLVE,
    &id02_optional_identities::OPTIONAL_IDENTITIES,
    &id03_identity_reuse::IDENTITY_REUSE,
    &id04_identity_drift::IDENTITY_DRIFT,
    &id05_identity_region::IDENTITY_REGION,
    &fc01_fic_subjects_complete::FIC_SUBJECTS_COMPLETE,
    &fc02_fic_issuer_exact::FIC_ISSUER_EXACT,
    &fc03_fic_audience_exact::FIC_AUDIENCE_EXACT,
    &fc04_fic_token_exchange::FIC_TOKEN_EXCHANGE,
    &fc05_aadsts_in_logs::AADSTS_IN_LOGS,
    &fc06_fic_write_plan::FIC_WRITE_PLAN,
    &oi01_oidc_docs_public::OIDC_DOCS_PUBLIC,
    &oi02_oidc_issuer_equal::OIDC_ISSUER_EQUAL,
    &oi03_oidc_key_match::OIDC_KEY_MATCH,
    &oi04_oidc_storage_access::OIDC_STORAGE_ACCESS,
    &oi05_signing_key_secret::SIGNING_KEY_SECRET,
    &oi06_guest_token_claims::GUEST_TOKEN_CLAIMS,
    &oi07_issuer_shared::ISSUER_SHARED,
    &ra01_role_required::ROLE_REQUIRED,
    &ra02_effective_permissions::EFFECTIVE_PERMISSIONS,
    &ra03_kms_crypto_user::KMS_CRYPTO_USER,
    &ra04_role_name_collision::ROLE_NAME_COLLISION,
    &ra05_role_propagation::ROLE_PROPAGATION,
    &ra06_role_hygiene::ROLE_HYGIENE,
    &nw01_vnet_subnet_valid::VNET_SUBNET_VALID,
    &nw02_nsg_egress::NSG_EGRESS,
    &nw03_outbound_path::OUTBOUND_PATH,
    &nw04_subnet_ip_capacity::SUBNET_IP_CAPACITY,
    &nw05_cidr_overlap::CIDR_OVERLAP,
    &nw06_nsg_ingress_lb::NSG_INGRESS_LB,
    &nw07_udr_firewall::UDR_FIREWALL,
    &nw08_outbound_lb_shape::OUTBOUND_LB_SHAPE,
    &nw09_pls_nat_subnet::PLS_NAT_SUBNET,
    &nw10_pls_chain::PLS_CHAIN,
    &nw11_pls_operator_config::PLS_OPERATOR_CONFIG,
    &nw12_egress_probe::EGRESS_PROBE,
    &nw13_network_limits::NETWORK_LIMITS,
    &dn01_base_zone_delegated::BASE_ZONE_DELEGATED,
    &dn02_api_record_resolves::API_RECORD_RESOLVES,
    &dn03_private_zone_shadow::PRIVATE_ZONE_SHADOW,
    &dn04_apps_wildcard::APPS_WILDCARD,
    &dn05_extdns_owner::EXTDNS_OWNER,
    &dn06_extdns_throttled::EXTDNS_THROTTLED,
    &dn07_extdns_health::EXTDNS_HEALTH,
    &dn08_private_zone_linked::PRIVATE_ZONE_LINKED,
    &mc01_operator_ready::OPERATOR_READY,
    &mc02_release_supported::RELEASE_SUPPORTED,
    &mc03_pull_secret::PULL_SECRET,
    &mc04_release_image_arch::RELEASE_IMAGE_ARCH,
    &mc05_capacity::CAPACITY,
    &mc06_mc_health::MC_HEALTH,
    &mc08_cpo_override::CPO_OVERRIDE,
    &hc01_hc_conditions::HC_CONDITIONS,
    &hc02_api_reachable::API_REACHABLE,
    &hc03_cp_components::CP_COMPONENTS,
    &hc04_token_minters::TOKEN_MINTERS,
    &hc05_capi_infra::CAPI_INFRA,
    &hc06_etcd::ETCD,
    &hc07_certs_expiry::CERTS_EXPIRY,
    &hc08_kms_runtime::KMS_RUNTIME,
    &hc09_konnectivity::KONNECTIVITY,
    &hc10_spec_vs_azure::SPEC_VS_AZURE,
    &hc11_clusteroperators::CLUSTEROPERATORS,
    &hc12_reconcile_paused::RECONCILE_PAUSED,
    &hc13_guest_credentials::GUEST_CREDENTIALS,
    &hc14_upgrade_progress::UPGRADE_PROGRESS,
    &hc15_guest_webhooks::GUEST_WEBHOOKS,
    &np01_np_conditions::NP_CONDITIONS,
    &np02_machine_chain::MACHINE_CHAIN,
    &np03_np_version_skew::NP_VERSION_SKEW,
    &np04_ignition::IGNITION,
    &np05_node_csr::NODE_CSR,
    &np06_boot_serial::BOOT_SERIAL,
    &np07_image_and_disk::IMAGE_AND_DISK,
    &np08_autoscaler::AUTOSCALER,
    &np09_stuck_delete::STUCK_DELETE,
    &np10_vm_node_diff::VM_NODE_DIFF,
    &np11_mhc_blocked::MHC_BLOCKED,
    &or01_orphan_role_assignments::ORPHAN_ROLE_ASSIGNMENTS,
    &or02_orphan_groups::ORPHAN_GROUPS,
    &or03_orphan_dns::ORPHAN_DNS,
    &or04_stuck_finalizer::STUCK_FINALIZER,
    &or05_destroy_inputs::DESTROY_INPUTS,
    &or06_orphan_identities::ORPHAN_IDENTITIES,
    &ar01_keyvault_spc::KEYVAULT_SPC,
    &ar02_spc_mounts::SPC_MOUNTS,
    &ar03_msi_expiry::MSI_EXPIRY,
    &ar04_kv_network::KV_NETWORK,
    &bn01_bundle_evidence::BUNDLE_EVIDENCE,
    &bn02_bundle_secrets::BUNDLE_SECRETS,
];

/// The faults of every check, for the matrix.
#[cfg(test)]
#[rustfmt::skip]
pub(crate) static FAULTS: &[crate::testkit::FaultsOf] = &[
    (&cr01_azure_login::AZURE_LOGIN, cr01_azure_login::tests::faults),
    (&cr02_caller_permissions::CALLER_PERMISSIONS, cr02_caller_permissions::tests::faults),
    (&cr03_creds_file_shape::CREDS_FILE_SHAPE, cr03_creds_file_shape::tests::faults),
    (&cr04_sp_secret_expiry::SP_SECRET_EXPIRY, cr04_sp_secret_expiry::tests::faults),
    (&cr05_clock_skew::CLOCK_SKEW, cr05_clock_skew::tests::faults),
    (&cr06_policy_restrictions::POLICY_RESTRICTIONS, cr06_policy_restrictions::tests::faults),
    (&cr07_resource_locks::RESOURCE_LOCKS, cr07_resource_locks::tests::faults),
    (&cr08_arm_throttle::ARM_THROTTLE, cr08_arm_throttle::tests::faults),
    (&qt01_rp_registered::RP_REGISTERED, qt01_rp_registered::tests::faults),
    (&qt02_encryption_at_host_feature::ENCRYPTION_AT_HOST_FEATURE, qt02_encryption_at_host_feature::tests::faults),
    (&qt03_sku_available::SKU_AVAILABLE, qt03_sku_available::tests::faults),
    (&qt04_vcpu_quota::VCPU_QUOTA, qt04_vcpu_quota::tests::faults),
    (&qt05_autoscale_headroom::AUTOSCALE_HEADROOM, qt05_autoscale_headroom::tests::faults),
    (&qt06_network_quota::NETWORK_QUOTA, qt06_network_quota::tests::faults),
    (&qt07_snat_capacity::SNAT_CAPACITY, qt07_snat_capacity::tests::faults),
    (&qt08_role_assignment_quota::ROLE_ASSIGNMENT_QUOTA, qt08_role_assignment_quota::tests::faults),
    (&qt09_name_limits::NAME_LIMITS, qt09_name_limits::tests::faults),
    (&id01_identities_resolve::IDENTITIES_RESOLVE, id01_identities_resolve::tests::faults),
    (&id02_optional_identities::OPTIONAL_IDENTITIES, id02_optional_identities::tests::faults),
    (&id03_identity_reuse::IDENTITY_REUSE, id03_identity_reuse::tests::faults),
    (&id04_identity_drift::IDENTITY_DRIFT, id04_identity_drift::tests::faults),
    (&id05_identity_region::IDENTITY_REGION, id05_identity_region::tests::faults),
    (&fc01_fic_subjects_complete::FIC_SUBJECTS_COMPLETE, fc01_fic_subjects_complete::tests::faults),
    (&fc02_fic_issuer_exact::FIC_ISSUER_EXACT, fc02_fic_issuer_exact::tests::faults),
    (&fc03_fic_audience_exact::FIC_AUDIENCE_EXACT, fc03_fic_audience_exact::tests::faults),
    (&fc04_fic_token_exchange::FIC_TOKEN_EXCHANGE, fc04_fic_token_exchange::tests::faults),
    (&fc05_aadsts_in_logs::AADSTS_IN_LOGS, fc05_aadsts_in_logs::tests::faults),
    (&fc06_fic_write_plan::FIC_WRITE_PLAN, fc06_fic_write_plan::tests::faults),
    (&oi01_oidc_docs_public::OIDC_DOCS_PUBLIC, oi01_oidc_docs_public::tests::faults),
    (&oi02_oidc_issuer_equal::OIDC_ISSUER_EQUAL, oi02_oidc_issuer_equal::tests::faults),
    (&oi03_oidc_key_match::OIDC_KEY_MATCH, oi03_oidc_key_match::tests::faults),
    (&oi04_oidc_storage_access::OIDC_STORAGE_ACCESS, oi04_oidc_storage_access::tests::faults),
    (&oi05_signing_key_secret::SIGNING_KEY_SECRET, oi05_signing_key_secret::tests::faults),
    (&oi06_guest_token_claims::GUEST_TOKEN_CLAIMS, oi06_guest_token_claims::tests::faults),
    (&oi07_issuer_shared::ISSUER_SHARED, oi07_issuer_shared::tests::faults),
    (&ra01_role_required::ROLE_REQUIRED, ra01_role_required::tests::faults),
    (&ra02_effective_permissions::EFFECTIVE_PERMISSIONS, ra02_effective_permissions::tests::faults),
    (&ra03_kms_crypto_user::KMS_CRYPTO_USER, ra03_kms_crypto_user::tests::faults),
    (&ra04_role_name_collision::ROLE_NAME_COLLISION, ra04_role_name_collision::tests::faults),
    (&ra05_role_propagation::ROLE_PROPAGATION, ra05_role_propagation::tests::faults),
    (&nw01_vnet_subnet_valid::VNET_SUBNET_VALID, nw01_vnet_subnet_valid::tests::faults),
    (&nw02_nsg_egress::NSG_EGRESS, nw02_nsg_egress::tests::faults),
    (&nw03_outbound_path::OUTBOUND_PATH, nw03_outbound_path::tests::faults),
    (&nw04_subnet_ip_capacity::SUBNET_IP_CAPACITY, nw04_subnet_ip_capacity::tests::faults),
    (&nw05_cidr_overlap::CIDR_OVERLAP, nw05_cidr_overlap::tests::faults),
    (&nw06_nsg_ingress_lb::NSG_INGRESS_LB, nw06_nsg_ingress_lb::tests::faults),
    (&nw07_udr_firewall::UDR_FIREWALL, nw07_udr_firewall::tests::faults),
    (&nw08_outbound_lb_shape::OUTBOUND_LB_SHAPE, nw08_outbound_lb_shape::tests::faults),
    (&nw09_pls_nat_subnet::PLS_NAT_SUBNET, nw09_pls_nat_subnet::tests::faults),
    (&nw10_pls_chain::PLS_CHAIN, nw10_pls_chain::tests::faults),
    (&nw11_pls_operator_config::PLS_OPERATOR_CONFIG, nw11_pls_operator_config::tests::faults),
    (&nw12_egress_probe::EGRESS_PROBE, nw12_egress_probe::tests::faults),
    (&nw13_network_limits::NETWORK_LIMITS, nw13_network_limits::tests::faults),
    (&dn01_base_zone_delegated::BASE_ZONE_DELEGATED, dn01_base_zone_delegated::tests::faults),
    (&dn02_api_record_resolves::API_RECORD_RESOLVES, dn02_api_record_resolves::tests::faults),
    (&dn03_private_zone_shadow::PRIVATE_ZONE_SHADOW, dn03_private_zone_shadow::tests::faults),
    (&dn04_apps_wildcard::APPS_WILDCARD, dn04_apps_wildcard::tests::faults),
    (&dn05_extdns_owner::EXTDNS_OWNER, dn05_extdns_owner::tests::faults),
    (&dn06_extdns_throttled::EXTDNS_THROTTLED, dn06_extdns_throttled::tests::faults),
    (&dn07_extdns_health::EXTDNS_HEALTH, dn07_extdns_health::tests::faults),
    (&dn08_private_zone_linked::PRIVATE_ZONE_LINKED, dn08_private_zone_linked::tests::faults),
    (&mc01_operator_ready::OPERATOR_READY, mc01_operator_ready::tests::faults),
    (&mc02_release_supported::RELEASE_SUPPORTED, mc02_release_supported::tests::faults),
    (&mc03_pull_secret::PULL_SECRET, mc03_pull_secret::tests::faults),
    (&mc04_release_image_arch::RELEASE_IMAGE_ARCH, mc04_release_image_arch::tests::faults),
    (&mc05_capacity::CAPACITY, mc05_capacity::tests::faults),
    (&mc06_mc_health::MC_HEALTH, mc06_mc_health::tests::faults),
    (&mc08_cpo_override::CPO_OVERRIDE, mc08_cpo_override::tests::faults),
    (&hc01_hc_conditions::HC_CONDITIONS, hc01_hc_conditions::tests::faults),
    (&hc02_api_reachable::API_REACHABLE, hc02_api_reachable::tests::faults),
    (&hc03_cp_components::CP_COMPONENTS, hc03_cp_components::tests::faults),
    (&hc04_token_minters::TOKEN_MINTERS, hc04_token_minters::tests::faults),
    (&hc05_capi_infra::CAPI_INFRA, hc05_capi_infra::tests::faults),
    (&hc06_etcd::ETCD, hc06_etcd::tests::faults),
    (&hc07_certs_expiry::CERTS_EXPIRY, hc07_certs_expiry::tests::faults),
    (&hc08_kms_runtime::KMS_RUNTIME, hc08_kms_runtime::tests::faults),
    (&hc09_konnectivity::KONNECTIVITY, hc09_konnectivity::tests::faults),
    (&hc10_spec_vs_azure::SPEC_VS_AZURE, hc10_spec_vs_azure::tests::faults),
    (&hc11_clusteroperators::CLUSTEROPERATORS, hc11_clusteroperators::tests::faults),
    (&hc12_reconcile_paused::RECONCILE_PAUSED, hc12_reconcile_paused::tests::faults),
    (&hc13_guest_credentials::GUEST_CREDENTIALS, hc13_guest_credentials::tests::faults),
    (&hc14_upgrade_progress::UPGRADE_PROGRESS, hc14_upgrade_progress::tests::faults),
    (&hc15_guest_webhooks::GUEST_WEBHOOKS, hc15_guest_webhooks::tests::faults),
    (&np01_np_conditions::NP_CONDITIONS, np01_np_conditions::tests::faults),
    (&np02_machine_chain::MACHINE_CHAIN, np02_machine_chain::tests::faults),
    (&np03_np_version_skew::NP_VERSION_SKEW, np03_np_version_skew::tests::faults),
    (&np04_ignition::IGNITION, np04_ignition::tests::faults),
    (&np05_node_csr::NODE_CSR, np05_node_csr::tests::faults),
    (&np06_boot_serial::BOOT_SERIAL, np06_boot_serial::tests::faults),
    (&np07_image_and_disk::IMAGE_AND_DISK, np07_image_and_disk::tests::faults),
    (&np08_autoscaler::AUTOSCALER, np08_autoscaler::tests::faults),
    (&np09_stuck_delete::STUCK_DELETE, np09_stuck_delete::tests::faults),
    (&np10_vm_node_diff::VM_NODE_DIFF, np10_vm_node_diff::tests::faults),
    (&np11_mhc_blocked::MHC_BLOCKED, np11_mhc_blocked::tests::faults),
    (&or01_orphan_role_assignments::ORPHAN_ROLE_ASSIGNMENTS, or01_orphan_role_assignments::tests::faults),
    (&or02_orphan_groups::ORPHAN_GROUPS, or02_orphan_groups::tests::faults),
    (&or03_orphan_dns::ORPHAN_DNS, or03_orphan_dns::tests::faults),
    (&or04_stuck_finalizer::STUCK_FINALIZER, or04_stuck_finalizer::tests::faults),
    (&or05_destroy_inputs::DESTROY_INPUTS, or05_destroy_inputs::tests::faults),
    (&or06_orphan_identities::ORPHAN_IDENTITIES, or06_orphan_identities::tests::faults),
    (&ar01_keyvault_spc::KEYVAULT_SPC, ar01_keyvault_spc::tests::faults),
    (&ar02_spc_mounts::SPC_MOUNTS, ar02_spc_mounts::tests::faults),
    (&ar03_msi_expiry::MSI_EXPIRY, ar03_msi_expiry::tests::faults),
    (&ar04_kv_network::KV_NETWORK, ar04_kv_network::tests::faults),
    (&bn01_bundle_evidence::BUNDLE_EVIDENCE, bn01_bundle_evidence::tests::faults),
    (&bn02_bundle_secrets::BUNDLE_SECRETS, bn02_bundle_secrets::tests::faults),
];
