// SPDX-License-Identifier: Apache-2.0

// Package telling has the options by which helpers tell the app that something changed: a
// request to the pod's own loopback, or a signal to the processes of one container. Helpers
// add them to theirs and ask for the arguments that they make.
package telling

import (
	"fmt"

	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/notify/target"
)

// The options.
const (
	Notify   = "notify"
	Method   = "notify-method"
	Statuses = "notify-status"
	Signal   = "signal"
)

// statuses is what success is unless a pod says otherwise.
const statuses = "2xx"

// method is that of [target.Methods] which is the default.
var method = target.Methods()[0]

// Options are those of a helper that tells of each what ("commit"), which a request names in a
// header. They are idle where notify and signal are.
func Options(what, header, doc string, idle ...option.Idle) []option.Option {
	return []option.Option{
		{
			Name: Notify, Kind: loopbackURL, Example: "http://localhost:9090/-/reload", Idle: idle,
			Doc: fmt.Sprintf("Tell the app of each new %s by a request to this URL of the pod's own loopback, repeated with growing pauses until the app answers or the next %[1]s comes. "+
				"The header `%[2]s` names the %[1]s. %[3]s A policy's allow list has URLs, or patterns of them.", what, header, doc),
		},
		{
			Name: Method, Kind: option.Choice(target.Methods()...), Default: method, Example: "PUT", Idle: []option.Idle{{Option: Notify}},
			Doc: "The method of that request.",
		},
		{
			Name: Statuses, Kind: statusList, Default: statuses, Example: "2xx,304", Idle: []option.Idle{{Option: Notify}},
			Doc: "Response statuses that mean that the app got the notification. Redirects are not followed.",
		},
		{
			Name: Signal, Kind: signals, Example: "HUP:nginx", Idle: idle,
			Doc: fmt.Sprintf("Tell the app of each new %s by a signal to the processes of one container: HUP, USR1, USR2 and WINCH go to the program that handles them, INT, QUIT and TERM end the container's program. "+
				"It needs one process namespace (`ipc.pillion.dev/process: \"true\"`) and a container that runs as the helper's user. A policy's allow list has values such as `HUP:nginx`, or patterns of them.", what),
		},
	}
}

// loopbackURL does not leave the pod.
var loopbackURL = option.Kind{Name: "loopback URL", Redact: option.WithoutCredentials, Pattern: option.URL("http").Pattern, Parse: func(text string) (option.Value, error) {
	u, err := target.ParseURL(text)
	if err != nil {
		return option.Value{}, err
	}
	return option.Value{Text: u.String()}, nil
}}

// statusList is a comma list of statuses and classes of them.
var statusList = option.Kind{Name: "HTTP statuses", Parse: func(text string) (option.Value, error) {
	s, err := target.ParseStatuses(text)
	return option.Value{Text: s.String()}, err
}}

// signals are SIGNAL:CONTAINER.
var signals = option.Kind{Name: "signal", NamesContainers: true, Parse: func(text string) (option.Value, error) {
	_, container, err := target.ParseSignal(text)
	return option.Value{Text: text, Data: container}, err
}}
