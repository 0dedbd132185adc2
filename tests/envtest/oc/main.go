// Command oc finds plugins as OpenShift's client does: it is kubectl with oc's own prefix before kubectl's.
// The rest of the real oc is not here.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/plugin"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	plugin.ValidPluginFilenamePrefixes = []string{"oc", "kubectl"}
	command := cmd.NewDefaultKubectlCommand()
	command.Use = "oc"
	if err := cli.RunNoErrOutput(command); err != nil {
		util.CheckErr(err)
	}
	os.Exit(0)
}
