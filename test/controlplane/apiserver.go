// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// startTimeout is how long to wait for anything. envtest's own 20 s are short on a
// busy machine.
const startTimeout = 2 * time.Minute

// signingKeys are files that kube-apiserver and kube-controller-manager share.
type signingKeys struct {
	serviceAccounts string // private key that signs ServiceAccount tokens
	ca              string // certificate authority of kube-apiserver
}

//go:embed audit-policy.yaml
var auditPolicy []byte

func (p *Plane) startAPIServer(context.Context) error {
	// Without a logger, controller-runtime prints a stack after 30 s.
	log.SetLogger(logr.Discard())

	for _, dir := range []string{"etcd", "apiserver"} {
		if err := os.Mkdir(filepath.Join(p.dir, dir), 0o700); err != nil {
			return err
		}
	}
	policy := filepath.Join(p.dir, "audit-policy.yaml")
	if err := os.WriteFile(policy, auditPolicy, 0o600); err != nil {
		return err
	}
	logFile, err := os.Create(filepath.Join(p.dir, "kube-apiserver.log"))
	if err != nil {
		return err
	}
	p.onStop(logFile.Close)

	existing := false // whatever USE_EXISTING_CLUSTER says
	env := &envtest.Environment{
		UseExistingCluster:       &existing,
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  startTimeout,
	}
	env.ControlPlane.Etcd = &envtest.Etcd{Path: p.asset("etcd"), DataDir: filepath.Join(p.dir, "etcd")}
	env.ControlPlane.KubectlPath = p.asset("kubectl")
	server := env.ControlPlane.GetAPIServer()
	server.Path, server.CertDir = p.asset("kube-apiserver"), filepath.Join(p.dir, "apiserver")
	server.Out, server.Err = logFile, logFile
	server.Configure().
		Disable("disable-admission-plugins"). // envtest's default for it is ServiceAccount
		Set("audit-policy-file", policy).
		Set("audit-log-path", p.auditLog())
	if p.opts.EndpointRouting {
		server.Configure().Set("enable-aggregator-routing", "true")
	}

	p.onStop(env.Stop)
	if p.config, err = env.Start(); err != nil {
		return errors.Join(err, lastLines(logFile.Name()))
	}
	return p.shareFiles(env)
}

// shareFiles writes what other processes need in order to find and trust the API
// server, and to sign tokens that it accepts.
func (p *Plane) shareFiles(env *envtest.Environment) error {
	server := env.ControlPlane.GetAPIServer()
	p.kubeconfig = filepath.Join(p.dir, "kubeconfig")
	p.keys = signingKeys{
		serviceAccounts: filepath.Join(server.CertDir, "sa-signer.key"),
		ca:              filepath.Join(p.dir, "ca.crt"),
	}
	if err := os.WriteFile(p.kubeconfig, env.KubeConfig, 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(p.keys.ca, server.CA, 0o600); err != nil {
		return err
	}
	if _, err := os.Stat(p.keys.serviceAccounts); err != nil {
		return fmt.Errorf("envtest no longer leaves the signing key where it did: %w", err)
	}
	return nil
}
