//! The manifest of the egress probe: a Job that tries, from a worker, what workers have to reach.

use std::fmt::Write as _;

use cloud::clouds::Cloud;
use facts::egress::{ADDRESSES, LABEL, LIST, NAMESPACE};

/// What stands for the image: one that every node of the hosted cluster has already, so that the probe needs no registry.
const IMAGE: &str = "PROBE_IMAGE";

/// The manifest. It is only printed: whoever wants the probe applies it to the hosted cluster.
pub(crate) fn manifest(cloud: &Cloud) -> String {
    let own = [&cloud.authority, &cloud.resource_manager]
        .map(|url| (url.host_str().unwrap_or_default().to_owned(), url.port_or_known_default().unwrap_or(443)));
    let fixed = ADDRESSES.iter().map(|address| (address.host.to_owned(), 443));
    let addresses = own.into_iter().chain(fixed).fold(String::new(), |mut text, (host, port)| {
        let _ = writeln!(text, "            {host}:{port}");
        text
    });
    format!(
        r#"# Apply to the hosted cluster, with the kubeconfig from `oc hcp-azure create kubeconfig`:
#   IMAGE=$(oc -n openshift-dns get daemonset node-resolver -o 'jsonpath={{.spec.template.spec.containers[0].image}}')
#   oc hcp-azure doctor --print-egress-probe | sed "s|{IMAGE}|$IMAGE|" | oc apply -f -
# Then wait for it and look again with `oc hcp-azure doctor NAME --only NW12`.
apiVersion: batch/v1
kind: Job
metadata:
  name: hcp-azure-egress-probe
  namespace: {NAMESPACE}
  labels:
    {LABEL}: "{LIST}"
spec:
  backoffLimit: 0
  activeDeadlineSeconds: 600
  ttlSecondsAfterFinished: 86400
  template:
    metadata:
      labels:
        {LABEL}: "{LIST}"
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      securityContext:
        runAsNonRoot: true
        seccompProfile:
          type: RuntimeDefault
      containers:
      - name: probe
        image: {IMAGE}
        imagePullPolicy: IfNotPresent
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop: [ALL]
        resources:
          requests:
            cpu: 10m
            memory: 32Mi
        command: [/bin/bash, -c]
        args:
        - |
          echo "list {LIST}"
          for address in $ADDRESSES; do
            status=$(curl -sS -m 15 -o /dev/null -w '%{{http_code}}' "https://$address/" 2>/dev/null)
            code=$?
            issuer=$(curl -skv -m 15 -o /dev/null "https://$address/" 2>&1 | sed -n 's/^\* *issuer: //p' | tail -n 1)
            echo "result $address $code $status $issuer"
          done
          echo end
        env:
        - name: ADDRESSES
          value: |
{addresses}"#
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::Value;

    use super::*;

    #[test]
    fn it_is_a_job_that_tries_every_address() {
        let cloud = Cloud::select(Some("AzureUSGovernmentCloud"), None).unwrap();
        let text = manifest(&cloud);
        let job: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!((job["kind"].as_str(), job["spec"]["backoffLimit"].as_i64()), (Some("Job"), Some(0)));
        let pod = &job["spec"]["template"];
        assert_eq!(pod["metadata"]["labels"][LABEL], LIST);
        let env = pod["spec"]["containers"][0]["env"][0]["value"].as_str().unwrap();
        let tried: Vec<&str> = env.split_whitespace().collect();
        assert_eq!(tried.len(), ADDRESSES.len() + 2);
        assert!(tried.contains(&"login.microsoftonline.us:443") && tried.contains(&"quay.io:443"), "{tried:?}");
    }
}
