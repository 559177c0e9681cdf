// SPDX-License-Identifier: Apache-2.0

//go:build linux

package outside

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/pillion-dev/pillion/test/node/config"
)

// Import gives each node of the cluster whose files are in dir the images in an
// archive, as `docker save` or an OCI layout has them, and returns when a pod can
// use them.
func Import(ctx context.Context, dir, archive string) error {
	if _, err := os.Stat(archive); err != nil {
		return fmt.Errorf("an image cannot be loaded: %w", err)
	}
	first, err := config.Load(dir)
	if err != nil {
		return err
	}
	for _, node := range first.All() {
		pid, err := initOf(node)
		if err == nil {
			err = importInto(ctx, pid, archive)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", node.Name(), err)
		}
	}
	return nil
}

// importInto is for the node whose first process has that number.
func importInto(ctx context.Context, pid int, archive string) error {
	// Unpacking is left to the first pod, because it knows which snapshotter to use.
	if _, err := ctr(ctx, pid, "images", "import", "--no-unpack", archive); err != nil {
		return fmt.Errorf("the image %s cannot be loaded: %w", archive, err)
	}
	for {
		// containerd's CRI part labels an image when it has taken note of it.
		unknown, err := ctr(ctx, pid, "images", "list", "--quiet", `labels."io.cri-containerd.image"!=managed`)
		if err != nil || unknown == "" {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ctr runs containerd's own client against the containerd of a node.
func ctr(ctx context.Context, pid int, args ...string) (string, error) {
	socket := "/proc/" + strconv.Itoa(pid) + "/root" + config.ContainerdSock
	cmd := exec.CommandContext(ctx, "ctr", append([]string{"--address", socket, "--namespace", "k8s.io"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// writeImage writes an archive with an image of one program, as `docker save`
// would.
func writeImage(archive, name, program string) error {
	binary, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	if err := writeTar(&layer, file{"pause", binary}); err != nil {
		return err
	}
	sum := sha256.Sum256(layer.Bytes())
	settings, err1 := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH, "os": "linux",
		"config": map[string]any{"Entrypoint": []string{"/pause"}, "User": "65535:65535"},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sum)}},
	})
	manifest, err2 := json.Marshal([]any{map[string]any{
		"Config": "config.json", "RepoTags": []string{name}, "Layers": []string{"layer.tar"},
	}})
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var all bytes.Buffer
	if err := writeTar(&all, file{"manifest.json", manifest}, file{"config.json", settings}, file{"layer.tar", layer.Bytes()}); err != nil {
		return err
	}
	return os.WriteFile(archive, all.Bytes(), 0o600)
}

type file struct {
	name string
	data []byte
}

func writeTar(to *bytes.Buffer, files ...file) error {
	w := tar.NewWriter(to)
	for _, f := range files {
		err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o755, Size: int64(len(f.data))})
		if err != nil {
			return err
		}
		if _, err := w.Write(f.data); err != nil {
			return err
		}
	}
	return w.Close()
}
