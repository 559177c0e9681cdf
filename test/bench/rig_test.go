// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// The servers that are compared.
const (
	pillion = "pillion"
	fixed   = "fixed"
	naive   = "naive"
)

var kinds = []string{pillion, fixed, naive}

// rig is all that a benchmark needs. Maps are by the name of the server, and of the review.
type rig struct {
	programs map[string]program
	running  map[string]*server
	pods     map[string][]byte
	bodies   map[string][]byte
	replies  map[string]map[string][]byte
}

// newRig builds and starts the servers, and asks each about each pod. The rig is to be
// stopped, even after an error.
func newRig(dir string) (*rig, error) {
	r := &rig{
		programs: map[string]program{}, running: map[string]*server{},
		bodies: map[string][]byte{}, replies: map[string]map[string][]byte{},
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", "../../cmd/webhook", "./fixed", "./naive")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return r, fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	roots, err := writeCertificate(dir)
	if err != nil {
		return r, err
	}
	always := func(string) string { return "/inject/default" }
	asInstalled := []string{"GOGC=400", "GOMEMLIMIT=241591910"} // as config/webhook/deployment.yaml has them
	r.programs[pillion] = program{[]string{dir + "/webhook", "--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--cert-dir=" + dir}, asInstalled, roots, always}
	r.programs[fixed] = program{[]string{dir + "/fixed", dir, dir + "/replies"}, nil, roots, func(name string) string { return "/inject/" + name }}
	r.programs[naive] = program{[]string{dir + "/naive", dir, dir + "/sidecar.json"}, nil, roots, always}

	if r.pods, err = pods(); err != nil {
		return r, err
	}
	if err := r.start(pillion, small, large, unasked); err != nil {
		return r, err
	}
	if r.pods[unchanged], err = patched(r.pods[small], r.replies[pillion][small]); err != nil {
		return r, err
	}
	if err := errors.Join(r.ask(pillion, unchanged), r.writeReplies(dir+"/replies"), r.writeSidecar(dir+"/sidecar.json")); err != nil {
		return r, err
	}
	return r, errors.Join(r.start(fixed, names...), r.start(naive, names...))
}

func (r *rig) stop() {
	for _, s := range r.running {
		s.stop()
	}
}

// start starts a server and asks it about some pods.
func (r *rig) start(kind string, about ...string) (err error) {
	if r.running[kind], err = r.programs[kind].start(); err != nil {
		delete(r.running, kind)
		return err
	}
	r.replies[kind] = map[string][]byte{}
	for _, name := range about {
		if err := r.ask(kind, name); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) ask(kind, name string) (err error) {
	r.bodies[name] = review(name, r.pods[name])
	r.replies[kind][name], err = r.running[kind].post(name, r.bodies[name])
	return err
}

// writeReplies writes what fixed answers: the same as Pillion.
func (r *rig) writeReplies(dir string) error {
	err := os.Mkdir(dir, 0o700)
	for name, reply := range r.replies[pillion] {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, name), reply, 0o600))
	}
	return err
}

// writeSidecar writes what naive appends: what Pillion has added to the small pod.
func (r *rig) writeSidecar(file string) error {
	var before, after corev1.Pod
	if err := errors.Join(json.Unmarshal(r.pods[small], &before), json.Unmarshal(r.pods[unchanged], &after)); err != nil {
		return err
	}
	if len(after.Spec.InitContainers) != 1 {
		return fmt.Errorf("Pillion gives the small pod %d init containers, want 1:\n%s", len(after.Spec.InitContainers), r.pods[unchanged])
	}
	for key := range before.Annotations {
		delete(after.Annotations, key)
	}
	mounts := after.Spec.Containers[0].VolumeMounts
	return os.WriteFile(file, encode(map[string]any{
		"Asks":        asks,
		"Annotations": after.Annotations,
		"Container":   after.Spec.InitContainers[0],
		"Volumes":     after.Spec.Volumes[len(before.Spec.Volumes):],
		"Mount":       mounts[len(mounts)-1],
	}), 0o600)
}

// writeCertificate fills dir as a mounted Secret of type kubernetes.io/tls would be, for a
// server at 127.0.0.1, and returns what its clients trust: the certificate itself.
func writeCertificate(dir string) (*x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	crt := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(crt)
	return roots, errors.Join(
		os.WriteFile(filepath.Join(dir, "tls.crt"), crt, 0o600),
		os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600),
	)
}
