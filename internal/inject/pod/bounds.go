// SPDX-License-Identifier: Apache-2.0

package pod

import "strings"

const (
	maxName = 253  // bytes of a name in the view; the API server takes no longer one
	maxPath = 4096 // bytes of a path in the view; Linux takes no longer one (PATH_MAX)
)

// boundView cuts names and paths that no pod can have that runs: the API server denies it
// for them, but only after us, and until then each would be in the plan for each helper.
func boundView(pod *Pod) {
	limit(&pod.Metadata.GenerateName, maxName)
	s := &pod.Spec
	limit(&s.NodeName, maxName)
	for _, list := range [][]Container{s.InitContainers, s.Containers} {
		for i := range list {
			c := &list[i]
			limit(&c.Name, maxName)
			limit(&c.TerminationMessagePath, maxPath)
			for j := range c.VolumeMounts {
				m := &c.VolumeMounts[j]
				limit(&m.Name, maxName)
				limit(&m.MountPath, maxPath)
				limit(&m.SubPath, maxPath)
				limit(&m.SubPathExpr, maxPath)
			}
			for j := range c.VolumeDevices {
				limit(&c.VolumeDevices[j].Name, maxName)
				limit(&c.VolumeDevices[j].DevicePath, maxPath)
			}
		}
	}
	for i := range s.Volumes {
		limit(&s.Volumes[i].Name, maxName)
	}
}

func limit[T ~string](text *T, most int) {
	if len(*text) > most {
		*text = T(strings.ToValidUTF8(string((*text)[:most]), ""))
	}
}
