// SPDX-License-Identifier: Apache-2.0

// Package configreloader is the helper config-reloader: what can be asked of it, and what it
// adds.
package configreloader

import (
	"errors"
	"slices"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
	"github.com/pillion-dev/pillion/internal/inject/telling"
)

const (
	watch    = "watch"
	debounce = "debounce"
	interval = "interval"
)

// maxWatched bounds the mounts of the helper's container.
const maxWatched = 20

// Helper returns the declaration.
func Helper() *helper.Helper {
	return &helper.Helper{
		Name:    "config-reloader",
		Aliases: []string{"reloader", "reload", "config-reload", "configmap-reload", "configmap-reloader"},
		Ahead:   -1, // what other helpers share can be watched
		Doc:     "Tells the app when the content of its directories changes, as ConfigMaps, Secrets and the content of git-poller do: by a request or by a signal.",
		Options: slices.Concat([]option.Option{
			{
				Name: watch, Kind: paths, Required: true, Example: "/etc/nginx/conf.d,/etc/nginx/certs",
				Doc: "Directories to watch, at the paths at which the app's containers see them. Each lies in a volume that they mount, or that another helper gives them; the helper mounts it too, read-only.",
			},
			{
				Name: helper.Containers, Kind: option.Containers, Example: "web",
				Doc: "The containers whose directories are watched. Without it, all containers of the app; those that have a volume at such a path must have the same one.",
			},
			{
				Name: debounce, Kind: option.Duration, Default: "1s", Min: "100ms", Max: "10m", Example: "5s",
				Doc: "Quiet period: how long the content must stay unchanged before the app is notified, so that many changes in a row count as one.",
			},
			{
				Name: interval, Kind: option.Duration, Default: "1m", Min: "1s", Max: "24h", Example: "10s",
				Doc: "Time between two scans, in addition to those that kernel events trigger. On network file systems only scans notice what others write.",
			},
		}, telling.Options("content", "Pillion-Content", "The app is not notified of what is there when the helper starts."), helper.MetricsOptions()),
		Resources: helper.Requirements("1m", "16Mi", "100m", "64Mi"),
		Builtin:   map[string]rule.Spec{},
		Check:     check,
		Build:     build,
	}
}

// paths are a comma list of clean absolute paths.
var paths = option.List(&option.Option{Kind: option.Kind{Name: "path", Parse: func(text string) (option.Value, error) {
	if text == "/" {
		return option.Value{}, errors.New("must be a directory below the root, such as /etc/nginx/conf.d")
	}
	return option.Value{Text: text}, option.PlainPath(text)
}}}, maxWatched)

func check(r *helper.Request) []reason.Problem {
	if telling.Asked(r) || r.Given(telling.Notify) || r.Given(telling.Signal) {
		return nil
	}
	return []reason.Problem{reason.Missing(r.Path(telling.Notify), "config-reloader needs to know how to tell the app: set %s, such as %q, or %s, such as %q",
		telling.Notify, r.Helper.Option(telling.Notify).Example, telling.Signal, r.Helper.Option(telling.Signal).Example)}
}
