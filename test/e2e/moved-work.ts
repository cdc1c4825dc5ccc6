/** Makes, in a workspace, a folder of all that a copy could get wrong: content, owners, modes, links, holes, capabilities, and what nobody has saved. */
export const makeWork: readonly string[] = [
  'bash',
  '-c',
  `mkdir -p ~/work/deep && cd ~/work && head -c 60000000 /dev/urandom >big && ln big hard && ln -s big soft &&
   ln -s /nowhere dangling && truncate -s 20M sparse && chmod 2750 deep && sudo install -o 4242 -g 2424 -m 640 /etc/hostname foreign &&
   cp /bin/true capable && sudo setcap cap_net_raw+ep capable && mkfifo pipe && echo unsaved >note && sync`,
];

/** Says the same as long as home is the same. */
export const listWork: readonly string[] = [
  'bash',
  '-c',
  `cd /home/dev && sudo find . -printf '%P %y %m %U %G %n %l %s\\n' | sort | grep -v '^\\.ssh' | sha256sum
   sudo find . -type f -exec sha256sum {} + | sort | sha256sum; sudo getcap work/capable; cat work/note`,
];
