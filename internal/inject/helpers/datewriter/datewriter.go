// SPDX-License-Identifier: Apache-2.0

// Package datewriter is the helper date-writer: what can be asked of it, and what it adds.
package datewriter

import (
	"path"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// Helper returns the declaration.
func Helper() *helper.Helper {
	return &helper.Helper{
		Name:    "date-writer",
		Aliases: []string{"date"},
		Doc:     "Writes the date into a file that the app's containers see, again and again: the smallest helper there is, for demonstrations and for testing what a pod shares.",
		Options: []option.Option{
			{
				Name: helper.MountPath, Aliases: []string{"path", "dir", "directory", "target"}, Kind: option.AbsolutePath, Required: true, Example: "/usr/share/nginx/html",
				Doc: "Where the app's containers see the file. An emptyDir that they mount there already is used; any other mount there is denied.",
			},
			{
				Name: "file", Aliases: []string{"file-name", "filename"}, Kind: option.FileName, Default: "index.html", Example: "date.txt",
				Doc: "Name of the file below mount-path.",
			},
			{
				Name: "interval", Aliases: []string{"period", "every"}, Kind: option.Duration, Default: "1s", Min: "100ms", Max: "24h", Example: "10s",
				Doc: "Time between two dates.",
			},
			{
				Name: helper.Mode, Kind: option.Choice("append", "replace"), Default: "append", Example: "replace",
				Doc: "append adds a line each time; replace keeps only the newest.",
			},
			{
				Name: "format", Kind: option.Choice("unix-date", "rfc3339", "rfc1123"), Default: "unix-date", Example: "rfc3339",
				Doc: "How the date is written: as date(1) prints it (Mon Nov 23 09:41:00 UTC 2026), 2026-11-23T09:41:00Z, or Mon, 23 Nov 2026 09:41:00 +0000.",
			},
			{
				Name: "timezone", Kind: option.TimeZone, Default: "UTC", Example: "Europe/Berlin",
				Doc: "A name of the IANA time zone database.",
			},
			{
				Name: "max-size", Kind: option.Size, Default: "1Mi", Min: "4Ki", Max: "1Gi", Example: "64Ki",
				Doc: "Size at which the oldest lines are dropped.",
			},
			{
				Name: helper.Containers, Kind: option.Containers, Example: "web,api",
				Doc: "The containers that see the file. Without it every container of the app does.",
			},
			{
				Name: helper.Wait, Kind: option.Boolean, Default: "true", Example: "false",
				Doc: "Start the app only after the first date has been written.",
			},
		},
		Resources: helper.Requirements("1m", "8Mi", "100m", "32Mi"),
		Builtin:   map[string]rule.Spec{},
		Build:     build,
		Up:        up,
	}
}

// up is the file, where the container sees it.
func up(r *helper.Request, container string) (condition string, held bool) {
	if r.Sees(container) {
		condition = "file:" + path.Join(r.Value(helper.MountPath).Text, r.Value("file").Text)
	}
	return condition, r.Value(helper.Wait).Bool()
}

// dateWriterStart is how many seconds the first line may take. It waits for nothing
// but a disk.
const dateWriterStart = 60

func build(e *helper.Editor, r *helper.Request) {
	// The file is shortened by writing its tail to a second file and renaming that,
	// so for a moment there are two.
	const slack = 4 << 20
	limit := resource.NewQuantity(2*r.Value("max-size").Bytes()+slack, resource.BinarySI)
	content, names, ok := e.Share(r, r.Value(helper.MountPath).Text, true, *limit, false)
	if !ok {
		return
	}
	file := helper.ContentDir + "/" + r.Value("file").Text
	c := corev1.Container{
		Args: []string{
			r.Helper.Name, "--file=" + file, "--interval=" + r.Value("interval").Text, "--mode=" + r.Value(helper.Mode).Text,
			"--format=" + r.Value("format").Text, "--timezone=" + r.Value("timezone").Text, "--max-size=" + r.Value("max-size").Text,
		},
		RestartPolicy: new(corev1.ContainerRestartPolicyAlways),
		VolumeMounts:  []corev1.VolumeMount{{Name: content, MountPath: helper.ContentDir}},
	}
	if r.Value(helper.Wait).Bool() {
		c.StartupProbe = helper.Probe(dateWriterStart, "--file="+file)
	}
	e.Container(r, &c, false)
	e.Done(r, []string{content}, names)
}
