// SPDX-License-Identifier: Apache-2.0

package inject

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

var dateWriter = Helper{
	Name: "date-writer",
	Doc:  "Writes the date into a file that the app's containers see, again and again: the smallest helper there is, for demonstrations and for testing what a pod shares.",
	Options: []Option{
		{
			Name: mountPath, Kind: KindMountPath, Required: true, Example: "/usr/share/nginx/html",
			Doc: "Where the app's containers see the file. An emptyDir that they mount there already is used; anything else in the way is refused.",
		},
		{
			Name: "file", Kind: KindFileName, Default: "index.html", Example: "date.txt",
			Doc: "Name of the file below mount-path.",
		},
		{
			Name: "interval", Kind: KindDuration, Default: "1s", Min: "100ms", Max: "24h", Example: "10s",
			Doc: "Time between two dates.",
		},
		{
			Name: mode, Kind: KindEnum, Enum: []string{"append", "replace"}, Default: "append", Example: "replace",
			Doc: "append adds a line each time; replace keeps only the newest.",
		},
		{
			Name: "format", Kind: KindEnum, Enum: []string{"unix-date", "rfc3339", "rfc1123"}, Default: "unix-date", Example: "rfc3339",
			Doc: "How the date is written: as date(1) prints it (Mon Nov 23 09:41:00 UTC 2026), 2026-11-23T09:41:00Z, or Mon, 23 Nov 2026 09:41:00 +0000.",
		},
		{
			Name: "timezone", Kind: KindTimezone, Default: "UTC", Example: "Europe/Berlin",
			Doc: "A name of the IANA time zone database.",
		},
		{
			Name: "max-size", Kind: KindSize, Default: "1Mi", Min: "4Ki", Max: "1Gi", Example: "64Ki",
			Doc: "Size at which the oldest lines are dropped.",
		},
		{
			Name: containers, Kind: KindContainers, Example: "web,api",
			Doc: "The containers that see the file. Without it every container of the app does.",
		},
		{
			Name: wait, Kind: KindBool, Default: "true", Example: "false",
			Doc: "Start the app only after the first date has been written.",
		},
	},
	build: buildDateWriter,
}

// dateWriterStart is how many seconds the first line may take. It waits for nothing
// but a disk.
const dateWriterStart = 60

func buildDateWriter(b *builder, r *Request) {
	// The file is shortened by writing its tail to a second file and renaming that,
	// so for a moment there are two.
	const slack = 4 << 20
	limit := resource.NewQuantity(2*r.Value("max-size").Bytes()+slack, resource.BinarySI)
	content, names, ok := b.share(r, r.Value(mountPath).Text, true, *limit, false)
	if !ok {
		return
	}
	file := contentDir + "/" + r.Value("file").Text
	c := corev1.Container{
		Args: []string{
			r.Helper.Name, "--file=" + file, "--interval=" + r.Value("interval").Text, "--mode=" + r.Value(mode).Text,
			"--format=" + r.Value("format").Text, "--timezone=" + r.Value("timezone").Text, "--max-size=" + r.Value("max-size").Text,
		},
		RestartPolicy: new(corev1.ContainerRestartPolicyAlways),
		VolumeMounts:  []corev1.VolumeMount{{Name: content, MountPath: contentDir}},
	}
	if r.Value(wait).Bool() {
		c.StartupProbe = probe(dateWriterStart, "--file="+file)
	}
	b.add(r, &c, false)
	b.done(r, []string{content}, names)
}
