;;; main_job.el --- the main job with nothing but eglot  -*- lexical-binding: t -*-

(require 'bed)

(setq eglot-server-programs
      `(((python-mode text-mode) . (,(getenv "MAZU_TEST_SERVER") "-m" "mazu_ls"))))
(add-to-list 'auto-mode-alist '("\\.md\\'" . text-mode))

(bed-story
 (find-file "app.py")
 (setq buffer-undo-list nil)
 (call-interactively #'eglot)
 (bed-wait "eglot manages the buffer" (lambda () (and (eglot-current-server) (eglot-managed-p))))

 ;; A code action on a selection edits the buffer, and undo takes it back.
 (let ((before (buffer-string)))
   (undo-boundary)
   (bed-act (point-min) (point-max) "Mazu: rewrite")
   (bed-wait "the code action edits the buffer" (lambda () (string-search "DEF TOTAL" (buffer-string))))
   (undo-boundary)
   (undo)
   (bed-check "undo takes it back" (equal before (buffer-string)) (buffer-string)))
 (eglot-shutdown (eglot-current-server))
 (bed-check "the server ended" t))
;;; main_job.el ends here
