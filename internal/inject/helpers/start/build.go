// SPDX-License-Identifier: Apache-2.0

package start

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/pod"
	"github.com/pillion-dev/pillion/internal/inject/reason"
)

func check(r *helper.Request) []reason.Problem {
	if r.Has(after) || r.Given(after) || r.Has(umask) || r.Given(umask) {
		return nil
	}
	return []reason.Problem{reason.Missing(r.Path(after), "start needs to know what waits for what, such as %q", r.Helper.Option(after).Example)}
}

func build(e *helper.Editor, r *helper.Request) {
	before := len(e.Problems())
	all := wrappedContainers(e, r)
	if len(e.Problems()) == before {
		denyCycles(e, r, all)
		for i := range all {
			denyPostStart(e, r, &all[i])
		}
	}
	if len(e.Problems()) > before {
		return
	}
	var targets, stateful []pod.Target
	for i := range all {
		targets = append(targets, all[i].Target)
		if all[i].state {
			stateful = append(stateful, all[i].Target)
		}
	}
	asked := after
	if !r.Has(after) {
		asked = umask
	}
	volumes := []string{binVolume}
	own := helper.EmptyDir(binVolume, resource.MustParse("64Mi")) // the program has a fraction of it
	_, ok := e.ShareVolume(helper.Sharing{Request: r, Option: asked, Path: binDir, Targets: targets, ReadOnly: true, Own: own, Alone: true})
	if ok && len(stateful) > 0 {
		volumes = append(volumes, runVolume)
		own := helper.EmptyDir(runVolume, resource.MustParse("1Mi"))
		_, ok = e.ShareVolume(helper.Sharing{Request: r, Option: asked, Path: runDir, Targets: stateful, Own: own, Alone: true})
	}
	if !ok {
		return
	}
	for i := range all {
		e.Wrap(all[i].Target, all[i].words(r.Value(timeout)), wrapperOf(all[i].Command))
		warnWaiting(e, &all[i], r.Value(timeout).Duration())
	}
	e.Container(r, &corev1.Container{
		Name:         pod.ReservedPrefix + "install",
		Args:         []string{"install", "--to=" + wrapper},
		VolumeMounts: []corev1.VolumeMount{{Name: binVolume, MountPath: binDir}},
	}, true)
	e.Report(helper.Status{
		Helper: r.Helper.Name, Container: pod.ReservedPrefix + "install", Volumes: append(volumes, helper.NoTokenVolume),
		Containers: helper.TargetNames(targets), Reason: r.Reason,
	})
}
