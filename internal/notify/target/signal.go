// SPDX-License-Identifier: Apache-2.0

package target

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pillion-dev/pillion/internal/nearmiss"
)

// Signals are the names of the signals that can be sent. KILL and STOP are not among them: no
// program hears them. INT, QUIT and TERM are for programs that should end, so that the kubelet
// starts them again.
func Signals() []string { return []string{"HUP", "USR1", "USR2", "WINCH", "INT", "QUIT", "TERM"} }

// containerName is a DNS label, as Kubernetes names containers.
var containerName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// reserved begins the names of Pillion's own containers.
const reserved = "pillion-"

// numbers are those of the signals on Linux, but for MIPS.
var numbers = map[string]string{"1": "HUP", "2": "INT", "3": "QUIT", "10": "USR1", "12": "USR2", "15": "TERM", "28": "WINCH"}

// nearestSignal is the signal that other names stand for, such as SIGHUP, hup and 1; "" if none is near.
func nearestSignal(name string) string {
	name = strings.TrimPrefix(strings.ToUpper(name), "SIG")
	return cmp.Or(numbers[name], nearmiss.Nearest(name, Signals()))
}

// ParseSignal reads a signal and a container's name, "HUP:nginx".
func ParseSignal(text string) (signal, container string, err error) {
	signal, container, _ = strings.Cut(text, ":")
	switch {
	case !slices.Contains(Signals(), signal):
		hint := ""
		if near := nearestSignal(signal); near != "" && containerName.MatchString(container) {
			hint = nearmiss.DidYouMean(near + ":" + container)
		}
		return "", "", fmt.Errorf("must begin with a signal and a colon, such as HUP:nginx; the signals are %s%s", strings.Join(Signals(), ", "), hint)
	case !containerName.MatchString(container):
		return "", "", errors.New("must end with a colon and the name of a container of the pod, such as HUP:nginx")
	case strings.HasPrefix(container, reserved):
		return "", "", errors.New("names a container of Pillion's own; name a container of the app")
	}
	return signal, container, nil
}
