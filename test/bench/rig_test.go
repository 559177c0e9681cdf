// SPDX-License-Identifier: Apache-2.0

//go:build linux

package bench

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"

	"github.com/pillion-dev/pillion/test/controlplane"
)

// The servers that are compared.
const (
	pillion = "pillion"
	fixed   = "fixed"
	plain   = "plain"
	naive   = "naive"
)

var kinds = []string{pillion, fixed, plain, naive}

// rig is all that a benchmark needs. Maps are by the name of the server, and of the review.
type rig struct {
	programs map[string]program
	running  map[string]*server
	pods     map[string][]byte
	bodies   map[string]*body
	replies  map[string]map[string][]byte
}

// newRig builds and starts the servers, and asks each about each pod. The rig is to be
// stopped, even after an error.
func newRig(dir string) (*rig, error) {
	r := &rig{
		programs: map[string]program{}, running: map[string]*server{},
		bodies: map[string]*body{}, replies: map[string]map[string][]byte{},
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", "../../cmd/webhook", "./fixed", "./plain", "./naive")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return r, fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	certificate, err := controlplane.WriteCertificate(dir)
	if err != nil {
		return r, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	always := func(string) string { return "/inject/default" }
	asInstalled := []string{"GOGC=400", "GOMEMLIMIT=241591910"} // as config/webhook/deployment.yaml has them
	r.programs[pillion] = program{[]string{dir + "/webhook", "--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--cert-dir=" + dir}, asInstalled, roots, always}
	r.programs[fixed] = program{[]string{dir + "/fixed", dir, dir + "/replies"}, nil, roots, func(name string) string { return "/inject/" + name }}
	for _, kind := range []string{plain, naive} {
		r.programs[kind] = program{[]string{dir + "/" + kind, dir, dir + "/sidecar.json"}, nil, roots, always}
	}

	if r.pods, err = pods(); err != nil {
		return r, err
	}
	if err := r.start(pillion, small, large, unasked, smallVersions, largeVersions, smallDifferent, largeDifferent); err != nil {
		return r, err
	}
	if r.pods[unchanged], err = patched(r.pods[small], r.replies[pillion][small]); err != nil {
		return r, err
	}
	if err := errors.Join(r.ask(pillion, unchanged), r.writeReplies(dir+"/replies"), r.writeSidecar(dir+"/sidecar.json")); err != nil {
		return r, err
	}
	return r, errors.Join(r.start(fixed, names...), r.start(plain, names...), r.start(naive, names...))
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
	r.bodies[name] = newBody(name, r.pods[name])
	r.replies[kind][name], err = r.running[kind].post(name, r.bodies[name].text)
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
